//! Whom tokens may be for.

use std::collections::HashSet;

/// Audiences, compared without `http://` or `https://` before them and without one slash at their end.
pub struct Audiences(HashSet<Box<str>>);

impl Audiences {
    pub fn new(audiences: &[String]) -> Self {
        Self(audiences.iter().map(|audience| plain(audience).into()).collect())
    }

    /// One of a token's audiences is among these. All are where there are none.
    pub fn allow<'a>(&self, mut audiences: impl Iterator<Item = &'a str>) -> bool {
        self.0.is_empty() || audiences.any(|audience| self.0.contains(plain(audience)))
    }
}

fn plain(audience: &str) -> &str {
    let rest = audience.strip_prefix("http://").or_else(|| audience.strip_prefix("https://"));
    let rest = rest.unwrap_or(audience);
    rest.strip_suffix('/').unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::Audiences;

    #[test]
    fn schemes_and_a_slash_do_not_count() {
        let audiences = Audiences::new(&["us".into(), "https://they/".into()]);
        for (audience, allowed) in [
            ("us", true),
            ("http://us/", true),
            ("they", true),
            ("they//", false),
            ("http://https://us", false),
            ("US", false),
            ("", false),
        ] {
            assert_eq!(audiences.allow(["x", audience].into_iter()), allowed, "{audience}");
        }
        assert!(!audiences.allow([].into_iter()));
        assert!(Audiences::new(&[]).allow([].into_iter()));
    }
}
