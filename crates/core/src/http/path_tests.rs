//! What Envoy 1.40 did with these paths.

use super::{normalize, PathOptions, PathOutcome};
use crate::proto::http_connection_manager::EscapedSlashes;

/// normalize_path
const NORMALIZED: &[(&str, &str)] = &[
    ("/", "/"),
    ("/a", "/a"),
    ("/a/../b", "/b"),
    ("/a/./b", "/a/b"),
    ("/a/.", "/a/"),
    ("/a/..", "/"),
    ("/..", "/"),
    ("/../a", "/a"),
    ("/./", "/"),
    ("/%2e%2e/a", "/a"),
    ("/a/%2e%2e/b", "/b"),
    ("/a/%2E/b", "/a/b"),
    ("/a/%2e", "/a/"),
    ("/a/.%2e/b", "/b"),
    ("/a/...", "/a/..."),
    ("/a/.b", "/a/.b"),
    ("/a//b", "/a//b"),
    ("//a", "//a"),
    ("//", "//"),
    ("/a//", "/a//"),
    ("/a///b", "/a///b"),
    ("/a/b//../c", "/a/b/c"),
    ("/a\\b", "/a/b"),
    ("/a\\..\\b", "/b"),
    ("/a/%5c..%5cb", "/a/%5c..%5cb"),
    ("/a%2fb", "/a%2fb"),
    ("/a%2Fb", "/a%2Fb"),
    ("/a%5Cb", "/a%5Cb"),
    ("/a%5cb", "/a%5cb"),
    ("/a%2f..%2fb", "/a%2f..%2fb"),
    ("/a%2f%2fb", "/a%2f%2fb"),
    ("/%41%42", "/AB"),
    ("/%7e", "/~"),
    ("/%7E", "/~"),
    ("/~", "/~"),
    ("/%2d%2e%5f", "/-._"),
    ("/a%20b", "/a%20b"),
    ("/a%zz", "/a%zz"),
    ("/a%", "/a%"),
    ("/a%2", "/a%2"),
    ("/a%00b", "400"),
    ("/%00", "400"),
    ("/a%7f", "/a%7f"),
    ("/a%80", "/a%80"),
    ("/a%ff", "/a%ff"),
    ("/%e4%bd%a0", "/%e4%bd%a0"),
    ("/a%2525", "/a%2525"),
    ("/a?x=%2e%2e/../b", "/a?x=%2e%2e/../b"),
    ("/a/../b?c/../d", "/b?c/../d"),
    ("/a?x//y", "/a?x//y"),
    ("/a//b?x//y", "/a//b?x//y"),
    ("/a%2fb?x=%2f", "/a%2fb?x=%2f"),
    ("/a+b", "/a+b"),
    ("/a;b", "/a;b"),
    ("/a;b=1/../c", "/c"),
    ("/a\"b", "/a%22b"),
    ("/a<b>", "/a%3Cb%3E"),
    ("/a{b}", "/a%7Bb%7D"),
    ("/a|b", "/a%7Cb"),
    ("/a^b", "/a%5Eb"),
    ("/a`b", "/a%60b"),
    ("/a'b", "/a'b"),
    ("/a!b$c&d(e)*,=:@", "/a!b$c&d(e)*,=:@"),
    ("/a[b]", "/a[b]"),
    ("/a%5bb%5d", "/a%5bb%5d"),
    ("/%3a%40", "/%3a%40"),
    ("/a%3fb", "/a%3fb"),
    ("/a%23b", "/a%23b"),
    ("/%3C", "/%3C"),
    ("/%22", "/%22"),
    ("/%7b", "/%7b"),
    ("/a/b/../../..", "/"),
    ("/a/b/../../../c", "/c"),
    ("/a/%2e%2e%2fb", "/a/..%2fb"),
    ("/a/..;/b", "/b"),
    ("/a/..a", "/a/..a"),
    ("/.", "/"),
    ("/..a", "/..a"),
    ("/a/../", "/"),
    ("/a/./", "/a/"),
    ("/a/b/.", "/a/b/"),
    ("/a/b/..", "/a/"),
    ("/%2e", "/"),
    ("/%2e/", "/"),
    ("/a/.%2E", "/"),
    ("/?", "/?"),
    ("/a?", "/a?"),
    ("/a??", "/a??"),
    ("/%2F", "/%2F"),
    ("/\\", "//"),
    ("/a\\", "/a/"),
    ("/a/..?x", "/?x"),
    ("/a/..//b", "//b"),
    ("/a//../b", "/a/b"),
    ("/a//./b", "/a//b"),
    ("///../a", "//a"),
    ("/%61?%61", "/a?%61"),
    ("/%2f..", "/%2f.."),
    ("/a%2F%2e%2e/b", "/a%2F../b"),
    ("/a/%252e%252e/b", "/a/%252e%252e/b"),
    ("/a%5c..", "/a%5c.."),
    ("/%7F%1f", "/%7F%1f"),
    ("/%0a", "/%0a"),
    ("/%09", "/%09"),
    ("/*", "/*"),
    ("/a/*/b", "/a/*/b"),
    ("/%2A", "/%2A"),
    ("/%21", "/%21"),
    ("/%27%28%29", "/%27%28%29"),
    ("/%25", "/%25"),
    ("/%5f", "/_"),
    ("/%60", "/%60"),
    ("/%5e", "/%5e"),
    ("/%7c", "/%7c"),
    ("/%5b", "/%5b"),
    ("/a/..;/b", "/b"),
    ("/a/.;/b", "/a/b"),
    ("/a/..;x=1", "/"),
    ("/a/.;", "/a/"),
    ("/a/b;/../c", "/a/c"),
    ("/a/%2e%2e;/b", "/a/..;/b"),
    ("/a/.%2e;p/q", "/a/..;p/q"),
    ("/x/a;/..;/b", "/x/b"),
    ("/a/..;?q", "/?q"),
    ("/a..;/b", "/a..;/b"),
];

/// merge_slashes
const MERGED: &[(&str, &str)] = &[
    ("/a//b", "/a/b"),
    ("//a", "/a"),
    ("/a//", "/a/"),
    ("/a///b", "/a/b"),
    ("/a/b//../c", "/a/b/../c"),
    ("/a//b?x//y", "/a/b?x//y"),
    ("/a/..//b", "/a/../b"),
    ("/a//../b", "/a/../b"),
    ("/a//./b", "/a/./b"),
    ("///../a", "/../a"),
    ("///", "//"),
    ("//a//b//", "/a/b/"),
];

/// path_with_escaped_slashes_action: UNESCAPE_AND_REDIRECT
const REDIRECTED: &[(&str, &str)] = &[
    ("/a/%5c..%5cb", "307 /a/\\..\\b"),
    ("/a%2fb", "307 /a/b"),
    ("/a%2Fb", "307 /a/b"),
    ("/a%5Cb", "307 /a\\b"),
    ("/a%5cb", "307 /a\\b"),
    ("/a%2f..%2fb", "307 /a/../b"),
    ("/a%2f%2fb", "307 /a//b"),
    ("/a%2fb?x=%2f", "307 /a/b?x=%2f"),
    ("/a/%2e%2e%2fb", "307 /a/%2e%2e/b"),
    ("/%2F", "307 //"),
    ("/%2f..", "307 //.."),
    ("/a%2F%2e%2e/b", "307 /a/%2e%2e/b"),
    ("/a%5c..", "307 /a\\.."),
];

/// All of them, with UNESCAPE_AND_REDIRECT; where normalisation alone gives something else.
const ALL: &[(&str, &str)] = &[
    ("/a//b", "/a/b"),
    ("//a", "/a"),
    ("/a//", "/a/"),
    ("/a///b", "/a/b"),
    ("/a/%5c..%5cb", "307 /a/b"),
    ("/a%2fb", "307 /a/b"),
    ("/a%2Fb", "307 /a/b"),
    ("/a%5Cb", "307 /a/b"),
    ("/a%5cb", "307 /a/b"),
    ("/a%2f..%2fb", "307 /b"),
    ("/a%2f%2fb", "307 /a/b"),
    ("/a//b?x//y", "/a/b?x//y"),
    ("/a%2fb?x=%2f", "307 /a/b?x=%2f"),
    ("/a/%2e%2e%2fb", "307 /b"),
    ("/%2F", "307 //"),
    ("/a/..//b", "/b"),
    ("/a//./b", "/a/b"),
    ("///../a", "/a"),
    ("/%2f..", "307 /"),
    ("/a%2F%2e%2e/b", "307 /b"),
    ("/a%5c..", "307 /"),
];

fn outcome(target: &str, normalized: bool, merge_slashes: bool, slashes: EscapedSlashes) -> String {
    let options = PathOptions { normalize: normalized, merge_slashes, escaped_slashes: slashes };
    let text = |path: Vec<u8>| String::from_utf8_lossy(&path).into_owned();
    match normalize(target.as_bytes(), &options) {
        PathOutcome::Unchanged => target.to_owned(),
        PathOutcome::Changed(path) => {
            assert_ne!(path, target.as_bytes(), "{target} is called changed");
            text(path)
        }
        PathOutcome::Redirect(path) => format!("307 {}", text(path)),
        PathOutcome::Reject(_) => "400".to_owned(),
    }
}

#[test]
fn paths_are_normalized_as_in_envoy() {
    for (target, expected) in NORMALIZED {
        assert_eq!(
            outcome(target, true, false, EscapedSlashes::KeepUnchanged),
            *expected,
            "{target}"
        );
    }
}

#[test]
fn slashes_are_merged_as_in_envoy() {
    for (target, expected) in MERGED {
        assert_eq!(
            outcome(target, false, true, EscapedSlashes::KeepUnchanged),
            *expected,
            "{target}"
        );
    }
    for unchanged in ["/", "//", "/a/../b", "/a%2f%2fb", "/a?x//y"] {
        assert_eq!(outcome(unchanged, false, true, EscapedSlashes::KeepUnchanged), unchanged);
    }
}

#[test]
fn escaped_slashes_are_kept_refused_or_unescaped() {
    for (target, redirect) in REDIRECTED {
        let to = redirect.strip_prefix("307 ").unwrap_or(redirect);
        let result = |slashes| outcome(target, false, false, slashes);
        assert_eq!(result(EscapedSlashes::KeepUnchanged), *target);
        assert_eq!(result(EscapedSlashes::RejectRequest), "400", "{target}");
        assert_eq!(result(EscapedSlashes::UnescapeAndForward), to, "{target}");
        assert_eq!(result(EscapedSlashes::UnescapeAndRedirect), *redirect, "{target}");
    }
    assert_eq!(outcome("/a?%2f", false, false, EscapedSlashes::RejectRequest), "/a?%2f");
}

#[test]
fn all_steps_together() {
    for (target, expected) in ALL {
        let result = outcome(target, true, true, EscapedSlashes::UnescapeAndRedirect);
        assert_eq!(result, *expected, "{target}");
    }
}
