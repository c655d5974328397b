//! The index finds what trying each route finds.

use crate::proto::route_match::Path;
use crate::proto::{self};
use crate::random::Random;
use crate::route::levels::TableLevel;
use crate::route::test_support::{context, forward, request, Lines};
use crate::route::virtual_host::VirtualHost;
use crate::runtime::Runtime;

const SEGMENTS: [&str; 5] = ["a", "b", "A", "ab", ""];

fn path(random: &Random, most: u64) -> String {
    let mut path = String::new();
    for _ in 0..=random.below(most) {
        path.push('/');
        path.push_str(SEGMENTS[random.below(SEGMENTS.len() as u64) as usize]);
    }
    path
}

fn random_route(number: usize, random: &Random) -> proto::Route {
    let text = path(random, 3);
    let path = match random.below(8) {
        0..=2 => Path::Exact(text),
        3..=4 => Path::Prefix(text[..=random.below(text.len() as u64) as usize].to_owned()),
        5 => Path::PathSeparatedPrefix(text.trim_end_matches('/').to_owned()),
        6 => Path::Regex(format!("{text}(/.*)?")),
        _ => Path::UriTemplate("/a/{x}".to_owned()),
    };
    let mut route = forward(&number.to_string(), path);
    let Some(matcher) = &mut route.r#match else { return route };
    matcher.case_insensitive = random.below(3) == 0;
    if random.below(3) == 0 {
        matcher.headers.push(proto::HeaderMatch { name: "x".into(), ..Default::default() });
    }
    route
}

#[test]
fn indexed_and_linear_search_agree() {
    let runtime = Runtime::default();
    let context = context(&runtime);
    let random = Random::seeded(40);
    let mut found = 0;
    for round in 0..300 {
        let count = 1 + random.below(40) as usize;
        let message = proto::VirtualHost {
            routes: (0..count).map(|number| random_route(number, &random)).collect(),
            ..Default::default()
        };
        let regexes = crate::matcher::Regexes::default();
        let level = TableLevel::compile(&proto::RouteTable::default(), &regexes);
        let level = std::sync::Arc::new(level.unwrap_or_else(|e| unreachable!("{e}")));
        let host = VirtualHost::compile(&message, &level, false, &regexes);
        let host = host.unwrap_or_else(|e| unreachable!("{e}"));
        for _ in 0..60 {
            let target = path(&random, 4);
            let headers: Lines<'_> = if random.below(2) == 0 { &[("x", "1")] } else { &[] };
            let request = request("h", &target, headers);
            let name = |route: Option<std::sync::Arc<crate::route::Route>>| {
                route.map(|route| route.info.route_name.clone())
            };
            let indexed = name(host.find(&request, &context));
            assert_eq!(indexed, name(host.find_linearly(&request, &context)), "{round} {target}");
            found += usize::from(indexed.is_some());
        }
    }
    assert!(found > 5000, "only {found} requests had a route");
}
