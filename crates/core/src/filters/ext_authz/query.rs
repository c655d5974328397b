//! Changes of the query of a path.

use std::collections::BTreeMap;

/// The path with these parameters set and those removed. As in Envoy, all are in the order of their names then.
pub fn change(path: &[u8], set: &[(String, String)], remove: &[String]) -> Vec<u8> {
    let (path, query) = match path.iter().position(|&byte| byte == b'?') {
        Some(mark) => (&path[..mark], &path[mark + 1..]),
        None => (path, &b""[..]),
    };
    let mut parameters: BTreeMap<&[u8], Vec<&[u8]>> = BTreeMap::new();
    for parameter in query.split(|&byte| byte == b'&').filter(|parameter| !parameter.is_empty()) {
        let mut parts = parameter.splitn(2, |&byte| byte == b'=');
        let key = parts.next().unwrap_or_default();
        parameters.entry(key).or_default().push(parts.next().unwrap_or_default());
    }
    for (key, value) in set {
        parameters.insert(key.as_bytes(), vec![value.as_bytes()]);
    }
    for key in remove {
        parameters.remove(key.as_bytes());
    }
    let mut changed = path.to_vec();
    let all = parameters.iter().flat_map(|(key, values)| values.iter().map(move |v| (*key, *v)));
    for (place, (key, value)) in all.enumerate() {
        changed.push(if place == 0 { b'?' } else { b'&' });
        changed.extend_from_slice(key);
        changed.push(b'=');
        changed.extend_from_slice(value);
    }
    changed
}

/// It can stand in a request line.
pub fn fits(text: &str) -> bool {
    text.bytes().all(|byte| !matches!(byte, 0..=b' ' | 0x7f))
}

/// All that is to be percent-encoded is.
/// <https://url.spec.whatwg.org/#application-x-www-form-urlencoded-percent-encode-set>
pub fn is_encoded(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let passes = match byte {
            b'%' => (0..2).all(|_| bytes.next().is_some_and(|digit| digit.is_ascii_hexdigit())),
            b'*' | b'-' | b'.' | b'_' => true,
            byte => byte.is_ascii_alphanumeric(),
        };
        if !passes {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::{change, fits, is_encoded};

    fn changed(path: &str, set: &[(&str, &str)], remove: &[&str]) -> String {
        let set: Vec<_> = set.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let remove: Vec<_> = remove.iter().map(|key| (*key).to_owned()).collect();
        String::from_utf8(change(path.as_bytes(), &set, &remove)).unwrap()
    }

    #[test]
    fn parameters_are_set_and_removed() {
        assert_eq!(changed("/p", &[("a", "1")], &[]), "/p?a=1");
        assert_eq!(changed("/p?a=1&z=2&a=3&b", &[("a", "9")], &["z"]), "/p?a=9&b=");
        assert_eq!(changed("/p?z=2", &[], &["z"]), "/p");
        assert_eq!(changed("/p?q=%20&r=1+2&&q=3", &[("n", "")], &["x"]), "/p?n=&q=%20&q=3&r=1+2");
    }

    #[test]
    fn what_ends_a_request_line_does_not_fit() {
        assert!(fits("n&x=\u{fc}") && fits(""));
        assert!(!fits("a b") && !fits("a\r\nb") && !fits("\u{7f}"));
        assert!(is_encoded("a%20b*-._9") && is_encoded(""));
        for text in ["a b", "a&b", "\u{fc}", "%2", "%zz", "a+b", "~"] {
            assert!(!is_encoded(text), "{text}");
        }
    }
}
