//! Distributed tracing: which requests are traced, what their spans tell, and who is told of them.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/observability/tracing>
//!
//! A request of a connection manager that traces has a [`Trace`] from when its route is known. Its span has ids, for
//! upstreams are told of them also when it is not sampled; what a sampled span tells is found when it ends.

mod config;
mod context;
mod decorator;
mod facts;
mod finish;
mod opentelemetry;
mod own_span;
mod receiver;
mod reporter;
mod request;
mod sampling;
mod span;
mod tags;
mod tracer;
mod w3c;
mod zipkin;

pub use config::{RouteTracing, Tracing};
pub use decorator::{tell_operation, Decorator};
pub use finish::{finish, finish_attempt};
pub use own_span::OwnSpan;
pub use request::{begin, begin_attempt, exchange_attempt, refresh, Trace};
pub use sampling::Reason;
pub use span::Span;
pub use tracer::{Tracer, Tracers};
