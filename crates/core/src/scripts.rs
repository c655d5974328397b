//! Filters in another language: what this crate asks of them, without a word of how they run.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::headers::Headers;
use crate::http::stream::Answer;

/// A filter as it was loaded; another may take its place while requests are under way.
pub trait Script: Send + Sync {
    fn wants(&self) -> Wants;

    /// Sees the head of a request, and its whole body if it wants it. The call, if there is one, goes on with
    /// what follows.
    fn request(
        &self,
        head: &mut Headers,
        body: Option<&mut Vec<u8>>,
    ) -> (Ran, Option<Box<dyn ScriptCall>>);
}

/// What a script is shown beside the head of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// With the head: all of the body.
    pub request_body: bool,
    pub request_chunks: bool,
    pub response: bool,
    /// With the head of the response: all of its body.
    pub response_body: bool,
    pub response_chunks: bool,
}

/// What a script keeps of one request.
pub trait ScriptCall {
    /// Sees the head of the response, and its whole body if it wants it.
    fn response(&mut self, head: &mut Headers, body: Option<&mut Vec<u8>>) -> Ran;

    /// Sees the next bytes of the request's body.
    fn request_chunk(&mut self, bytes: &mut Vec<u8>, end: bool) -> Ran;

    /// Sees the next bytes of the response's body.
    fn response_chunk(&mut self, bytes: &mut Vec<u8>, end: bool) -> Ran;
}

/// How one call of a script went.
pub struct Ran {
    /// An error: what the script did wrong, for the log. Head and body are then as they were before.
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
