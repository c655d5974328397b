//! The life of a client's connection: which protocol it speaks, and its requests one by one.

mod admit;
mod count;
mod http1;

pub use http1::serve;
