//! Rewrites a pattern of RE2's syntax so that the `regex` crate reads it with RE2's meaning.
//!
//! Envoy matches bytes (RE2's Latin-1 mode) with RE2's Perl syntax; see
//! <https://github.com/google/re2/wiki/Syntax>. What differs from the `regex` crate: a brace that opens no
//! repetition is a literal, a bracket inside a class is a literal, classes have no set operators, `\Q...\E`
//! quotes, `\C` is any byte, and two repetitions in a row or more than a thousand are mistakes.

/// The largest count of a repetition that RE2 takes.
const MAX_REPEAT: u32 = 1000;

/// The pattern for the `regex` crate (with `unicode(false)` and `octal(true)`), or what is wrong with it.
pub(super) fn translate(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    let mut after_repetition = false;
    while let Some(first) = rest.chars().next() {
        if let Some(length) = repetition(rest)? {
            if after_repetition {
                return Err(format!("bad repetition operator: {}", &rest[..length]));
            }
            out.push_str(&rest[..length]);
            rest = &rest[length..];
            after_repetition = true;
            continue;
        }
        after_repetition = false;
        rest = match first {
            '\\' => escape(rest, &mut out)?,
            '[' => class(rest, &mut out)?,
            '(' => group(rest, &mut out)?,
            '{' => push(rest, 1, r"\{", &mut out),
            _ => push(rest, first.len_utf8(), &rest[..first.len_utf8()], &mut out),
        };
    }
    Ok(out)
}

fn push<'a>(rest: &'a str, consumed: usize, text: &str, out: &mut String) -> &'a str {
    out.push_str(text);
    &rest[consumed..]
}

/// The length of the repetition operator (with its lazy mark) at the start of `rest`.
fn repetition(rest: &str) -> Result<Option<usize>, String> {
    let length = match rest.as_bytes().first() {
        Some(b'*' | b'+' | b'?') => 1,
        Some(b'{') => match counted(rest)? {
            Some(length) => length,
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    let lazy = rest.as_bytes().get(length) == Some(&b'?');
    Ok(Some(length + usize::from(lazy)))
}

/// The length of `{n}`, `{n,}` or `{n,m}`; anything else is literal text.
fn counted(rest: &str) -> Result<Option<usize>, String> {
    let Some(end) = rest.find('}') else { return Ok(None) };
    let inner = &rest[1..end];
    let (low, high) = match inner.split_once(',') {
        Some((low, high)) => (low, high),
        None => (inner, inner),
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if low.is_empty() || !digits(low) || !digits(high) {
        return Ok(None);
    }
    let too_many =
        |text: &str| !text.is_empty() && text.parse::<u32>().map_or(true, |n| n > MAX_REPEAT);
    match too_many(low) || too_many(high) {
        true => Err(format!("invalid repetition size: {{{inner}}}")),
        false => Ok(Some(end + 1)),
    }
}

fn escape<'a>(rest: &'a str, out: &mut String) -> Result<&'a str, String> {
    let Some(escaped) = rest[1..].chars().next() else {
        return Err("trailing \\ at end of regular expression".to_owned());
    };
    Ok(match escaped {
        'Q' => {
            let (quoted, after) = rest[2..].split_once(r"\E").unwrap_or((&rest[2..], ""));
            out.push_str(&regex::escape(quoted));
            after
        }
        'C' => push(rest, 2, "(?s:.)", out),
        '<' | '>' => push(rest, 2, &rest[1..2], out),
        'p' | 'P' => {
            let length = property(rest);
            push(rest, length, &format!("(?u:{})", &rest[..length]), out)
        }
        '1'..='9' if !rest[2..].starts_with(|c| matches!(c, '0'..='7')) => {
            return Err(format!("invalid escape sequence: {}", &rest[..2]));
        }
        other => {
            let length = 1 + other.len_utf8();
            push(rest, length, &rest[..length], out)
        }
    })
}

/// The length of `\pN` or `\p{Name}`.
fn property(rest: &str) -> usize {
    match rest.as_bytes().get(2) {
        Some(b'{') => rest.find('}').map_or(rest.len(), |end| end + 1),
        Some(_) => rest.char_indices().nth(3).map_or(rest.len(), |(index, _)| index),
        None => rest.len(),
    }
}

/// RE2 knows the flags i, m, s and U, and no look-around.
fn group<'a>(rest: &'a str, out: &mut String) -> Result<&'a str, String> {
    let Some(flags) = rest.strip_prefix("(?") else { return Ok(push(rest, 1, "(", out)) };
    let end = flags.find([':', ')', '<']).unwrap_or(flags.len());
    let named = flags.starts_with("P<") || flags.starts_with('<');
    if !named && !flags[..end].bytes().all(|b| b"imsU-".contains(&b)) {
        return Err(format!("invalid perl operator: (?{}", &flags[..(end + 1).min(flags.len())]));
    }
    Ok(push(rest, 2, "(?", out))
}

fn class<'a>(rest: &'a str, out: &mut String) -> Result<&'a str, String> {
    out.push('[');
    let mut position = 1;
    if rest[position..].starts_with('^') {
        out.push('^');
        position += 1;
    }
    let start = position;
    while !rest[position..].starts_with(']') || position == start {
        position += class_atom(&rest[position..], out)?;
        let tail = &rest[position..];
        if tail.starts_with('-') && !tail.starts_with("-]") {
            out.push('-');
            position += 1 + class_atom(&tail[1..], out)?;
        }
    }
    out.push(']');
    Ok(&rest[position + 1..])
}

/// Writes one character, escape or named class of a class; its length in the pattern.
fn class_atom(tail: &str, out: &mut String) -> Result<usize, String> {
    let Some(next) = tail.chars().next() else { return Err("missing ]".to_owned()) };
    if tail.starts_with("[:") {
        if let Some(end) = tail.find(":]") {
            out.push_str(&tail[..end + 2]);
            return Ok(end + 2);
        }
    }
    match next {
        '\\' => {
            let escaped = tail[1..].chars().next().ok_or_else(|| "missing ]".to_owned())?;
            let length = 1 + escaped.len_utf8();
            let quoted = !matches!(escaped, '<' | '>');
            out.push_str(&tail[usize::from(!quoted)..length]);
            return Ok(length);
        }
        '[' | ']' | '&' | '~' | '-' | '^' => out.extend(['\\', next]),
        _ if next.is_ascii() => out.push(next),
        // In bytes, a character beyond ASCII is a choice of its bytes.
        _ => tail[..next.len_utf8()].bytes().for_each(|b| out.push_str(&format!(r"\x{b:02x}"))),
    }
    Ok(next.len_utf8())
}

#[cfg(test)]
mod tests {
    use crate::matcher::Regexes;

    fn matches(pattern: &str, text: &[u8]) -> bool {
        let regexes = Regexes::default();
        let regex = regexes.whole(pattern).unwrap_or_else(|e| unreachable!("{pattern}: {e}"));
        regex.is_match(text)
    }

    #[test]
    fn patterns_mean_what_they_mean_to_re2() {
        let cases: &[(&str, &[u8], bool)] = &[
            ("..", "é".as_bytes(), true),
            ("é", "é".as_bytes(), true),
            (".", b"\xe9", true),
            (r"\xe9", b"\xe9", true),
            ("[é]", b"\xc3", true),
            (r"\w+", "é".as_bytes(), false),
            ("a{,2}", b"a{,2}", true),
            ("a{,2}", b"aa", false),
            ("a{1,2}", b"aa", true),
            ("/{id}", b"/{id}", true),
            ("[[a]+", b"[a", true),
            ("[a&&b]+", b"a&b", true),
            ("[+--]+", b"+,-", true),
            ("[--/]+", b"-./", true),
            (r"[\d.-]+", b"1.2-3", true),
            ("[]a]+", b"]a", true),
            ("[^]a]+", b"b", true),
            ("[[:alpha:]_]+", b"ab_", true),
            (r"\Qa.b\E+", b"a.bb", true),
            (r"\Qa.b\E", b"axb", false),
            (r"\C", b"\n", true),
            (r"\<a\>", b"<a>", true),
            (r"\101", b"A", true),
            ("(?i)ab", b"AB", true),
            ("(?P<n>a)b", b"ab", true),
            ("a+?b", b"aab", true),
        ];
        for &(pattern, text, expected) in cases {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text:?}");
        }
    }

    #[test]
    fn what_re2_refuses_is_refused() {
        for pattern in
            ["a**", "a{2}{3}", "a{1001}", "(?=a)", "(?x)a", r"(a)\1", "[a", "(", ")", "*a", "\\"]
        {
            assert!(Regexes::default().whole(pattern).is_err(), "{pattern}");
        }
    }
}
