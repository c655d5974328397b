//! Filters in another language: what this crate asks of them, without a word of how they run.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::headers::Headers;
use crate::http::stream::Answer;

/// A filter as it was loaded; another may take its place while requests are under way.
pub trait Script: Send + Sync {
    /// Sees the head of a request. The call, if there is one, goes on with the response.
    fn request(&self, head: &mut Headers) -> (Ran, Option<Box<dyn ScriptCall>>);
}

/// What a script keeps of one request.
pub trait ScriptCall {
    /// Sees the head of the response.
    fn response(&mut self, head: &mut Headers) -> Ran;
}

/// How one call of a script went.
pub struct Ran {
    /// An error: what the script did wrong, for the log. The head is then as it was before.
    pub outcome: Result<Verdict, String>,
    /// How long it was waited for its turn.
    pub waited: Duration,
}

/// What becomes of the request, or of its response.
#[derive(Default)]
pub struct Verdict {
    /// The client gets it instead.
    pub answer: Option<Answer>,
    /// The route is to be chosen anew, by the head as it is now.
    pub clear_route: bool,
    /// Dynamic metadata: namespace, key, value.
    pub metadata: Vec<(String, String, serde_json::Value)>,
}

/// The scripts of a process, by the numbers that configuration uses.
#[derive(Default)]
pub struct Scripts {
    all: ArcSwap<HashMap<u32, Arc<dyn Script>>>,
}

impl Scripts {
    /// Puts a script in the place of an older one with this number, if there is one.
    pub fn put(&self, number: u32, script: Arc<dyn Script>) {
        self.all.rcu(|all| {
            let mut all = HashMap::clone(all);
            all.insert(number, script.clone());
            all
        });
    }

    pub fn get(&self, number: u32) -> Option<Arc<dyn Script>> {
        self.all.load().get(&number).cloned()
    }
}
