//! Which routes of a virtual host can match a path at all, without trying each.

use ahash::AHashMap;
use smallvec::SmallVec;

use super::path_match::PathMatch;

/// Below this number of routes trying each is as fast.
const MIN_ROUTES: usize = 8;

/// Numbers of routes, ascending.
type Routes = SmallVec<[u32; 2]>;

/// Routes by the literal text of their paths. A route is found by one hash look-up for the whole path and one for
/// each length of the prefixes; a route whose path is a pattern is a candidate for every request.
pub(super) enum RouteIndex {
    Linear(u32),
    Hashed(Box<Hashed>),
}

pub(super) struct Hashed {
    as_written: ByText,
    /// Of routes that ignore case.
    lower: ByText,
    patterns: Routes,
}

impl RouteIndex {
    pub(super) fn new<'a>(paths: impl ExactSizeIterator<Item = &'a PathMatch>) -> Self {
        if paths.len() < MIN_ROUTES {
            return Self::Linear(paths.len() as u32);
        }
        Self::hashed(paths)
    }

    fn hashed<'a>(paths: impl Iterator<Item = &'a PathMatch>) -> Self {
        let (mut as_written, mut lower, mut patterns) =
            (ByText::default(), ByText::default(), Routes::new());
        for (number, path) in paths.enumerate() {
            let number = number as u32;
            let (text, ignore_case, whole) = match path {
                PathMatch::Exact { text, ignore_case } => (text, *ignore_case, true),
                PathMatch::Prefix { text, ignore_case }
                | PathMatch::Segments { text, ignore_case } => (text, *ignore_case, false),
                PathMatch::Regex(_) | PathMatch::Template(_) | PathMatch::Connect => {
                    patterns.push(number);
                    continue;
                }
            };
            match ignore_case {
                true => lower.insert(text.to_ascii_lowercase().into(), whole, number),
                false => as_written.insert(text.clone(), whole, number),
            }
        }
        Self::Hashed(Box::new(Hashed { as_written, lower, patterns }))
    }

    /// The lowest number for which `matches` holds, among the routes that can match `path`.
    pub(super) fn first(
        &self,
        path: Option<&[u8]>,
        mut matches: impl FnMut(u32) -> bool,
    ) -> Option<u32> {
        match self {
            Self::Linear(count) => (0..*count).find(|&number| matches(number)),
            Self::Hashed(hashed) => hashed.first(path, matches),
        }
    }
}

impl Hashed {
    fn first(&self, path: Option<&[u8]>, matches: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut search = Search { best: u32::MAX, matches };
        if let Some(path) = path {
            self.as_written.search(path, &mut search);
            if !self.lower.is_empty() {
                let path: SmallVec<[u8; 256]> = path.iter().map(u8::to_ascii_lowercase).collect();
                self.lower.search(&path, &mut search);
            }
        }
        search.among(&self.patterns);
        (search.best != u32::MAX).then_some(search.best)
    }
}

/// The lowest match so far.
struct Search<F> {
    best: u32,
    matches: F,
}

impl<F: FnMut(u32) -> bool> Search<F> {
    fn among(&mut self, routes: &[u32]) {
        for &number in routes {
            if number >= self.best {
                return;
            }
            if (self.matches)(number) {
                self.best = number;
                return;
            }
        }
    }
}

/// Routes by exact path and by prefix.
#[derive(Default)]
struct ByText {
    exact: AHashMap<Box<[u8]>, Routes>,
    prefixes: AHashMap<Box<[u8]>, Routes>,
    /// Of the prefixes, each once, with the lowest route that has a prefix of that length.
    lengths: Vec<(usize, u32)>,
}

impl ByText {
    fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.prefixes.is_empty()
    }

    fn insert(&mut self, text: Box<[u8]>, whole: bool, number: u32) {
        if whole {
            return self.exact.entry(text).or_default().push(number);
        }
        if !self.lengths.iter().any(|(length, _)| *length == text.len()) {
            self.lengths.push((text.len(), number));
        }
        self.prefixes.entry(text).or_default().push(number);
    }

    fn search<F: FnMut(u32) -> bool>(&self, path: &[u8], search: &mut Search<F>) {
        if !self.exact.is_empty() {
            if let Some(routes) = self.exact.get(path) {
                search.among(routes);
            }
        }
        // Lengths stand in the order of their first routes: none that follows can do better.
        for &(length, first) in &self.lengths {
            if first >= search.best {
                return;
            }
            if let Some(routes) = path.get(..length).and_then(|prefix| self.prefixes.get(prefix)) {
                search.among(routes);
            }
        }
    }
}
