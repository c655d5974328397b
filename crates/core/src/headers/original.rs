//! Header names as a peer wrote them, for configurations that keep their case.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/header_casing>

/// The first spelling of each name that was not in lower case.
#[derive(Debug, Clone, Default)]
pub struct OriginalNames(Vec<Box<[u8]>>);

impl OriginalNames {
    pub fn note(&mut self, name: &[u8]) {
        if self.of(name).is_none() {
            self.0.push(name.into());
        }
    }

    /// The spelling of `name`, which may be in any case.
    pub fn of(&self, name: &[u8]) -> Option<&[u8]> {
        self.0.iter().map(|known| &**known).find(|known| known.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::OriginalNames;

    #[test]
    fn the_first_spelling_stays() {
        let mut names = OriginalNames::default();
        for name in [&b"X-oNe"[..], b"x-ONE", b"plain"] {
            names.note(name);
        }
        assert_eq!(names.of(b"x-one"), Some(&b"X-oNe"[..]));
        assert_eq!(names.of(b"plain"), Some(&b"plain"[..]));
        assert_eq!(names.of(b"date"), None);
    }
}
