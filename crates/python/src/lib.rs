//! The Python extension: a handle on the workers. Its interface is python/lateen/_core.pyi.

// A configuration holds routes, whose trees hold filters: types deeper than the 128 that rustc follows by itself.
#![recursion_limit = "256"]

mod headers;
mod interrupt;
mod scripts;

use std::os::fd::IntoRawFd;
use std::sync::Arc;
use std::time::Duration;

use lateen_core::proto;
use lateen_core::scripts::Wants;
use lateen_core::stats::BlockKind;
use lateen_core::upstream::endpoints::Resolve;
use lateen_core::workers::{Options, Workers as CoreWorkers};
use prost::Message;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use interrupt::{FilterTimeout, Watch};
use scripts::PyScript;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pyo3::create_exception!(lateen._core, WorkersError, PyException);

/// (worker, stats block, array) and (worker, stats block, histogram, bins).
type BlockArray = (usize, u32, Py<PyBytes>);
type BlockHistogram = (usize, u32, usize, Py<PyBytes>);

/// Serial number, start and end of validity, alternative names.
type CertificateFacts = (String, u64, u64, Vec<(String, String)>);

fn failed(error: impl std::fmt::Display) -> PyErr {
    WorkersError::new_err(error.to_string())
}

/// The version of the extension.
#[pyfunction]
fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

#[pyclass(frozen, module = "lateen._core")]
struct Workers {
    inner: CoreWorkers,
    watch: Arc<Watch>,
}

fn bytes(py: Python<'_>, content: &[u8]) -> Py<PyBytes> {
    PyBytes::new(py, content).unbind()
}

#[pymethods]
impl Workers {
    #[new]
    #[pyo3(signature = (concurrency, *, resolve=Vec::new(), file_flush_interval_ms=10_000, drain_time_ms=600_000, gradual_drain=true, pin=true))]
    fn new(
        concurrency: usize,
        resolve: Vec<(String, u16, String, u16)>,
        file_flush_interval_ms: u64,
        drain_time_ms: u64,
        gradual_drain: bool,
        pin: bool,
    ) -> PyResult<Self> {
        let resolve = resolve
            .into_iter()
            .map(|(host, port, address, to_port)| Resolve::new(host, port, &address, to_port))
            .collect::<Result<_, _>>()
            .map_err(failed)?;
        let options = Options {
            concurrency,
            resolve,
            file_flush_interval: Duration::from_millis(file_flush_interval_ms),
            drain_time: Duration::from_millis(drain_time_ms),
            gradual_drain,
            pin,
        };
        Ok(Self { inner: CoreWorkers::start(options).map_err(failed)?, watch: Watch::new() })
    }

    fn apply(&self, py: Python<'_>, update: &[u8]) -> PyResult<Py<PyBytes>> {
        let update = proto::Update::decode(update).map_err(failed)?;
        let rejections = py.detach(|| self.inner.apply(&update));
        Ok(bytes(py, &rejections.encode_to_vec()))
    }

    fn check(&self, py: Python<'_>, update: &[u8]) -> PyResult<Py<PyBytes>> {
        let update = proto::Update::decode(update).map_err(failed)?;
        let rejections = py.detach(|| self.inner.check(&update));
        Ok(bytes(py, &rejections.encode_to_vec()))
    }

    #[pyo3(signature = (number, phases, *, function=None, factory=None, limit_ms=0))]
    #[allow(clippy::needless_pass_by_value)]
    fn put_script(
        &self,
        number: u32,
        phases: Vec<String>,
        function: Option<Py<PyAny>>,
        factory: Option<Py<PyAny>>,
        limit_ms: u64,
    ) {
        let has = |name: &str| phases.iter().any(|phase| phase == name);
        let wants = Wants {
            request_body: has("request_body"),
            request_chunks: has("on_request_body"),
            response: has("on_response"),
            response_body: has("response_body"),
            response_chunks: has("on_response_body"),
        };
        let sees_requests = has("on_request");
        let limit = Duration::from_millis(limit_ms);
        if limit_ms > 0 {
            self.watch.start();
        }
        let watch = self.watch.clone();
        let script = PyScript { function, factory, sees_requests, wants, limit, watch };
        self.inner.put_script(number, Arc::new(script));
    }

    fn start(&self) {
        self.inner.accept();
    }

    #[pyo3(signature = (over_ms=0))]
    fn drain(&self, over_ms: u64) {
        self.inner.drain(Duration::from_millis(over_ms));
    }

    fn listening_sockets(&self, py: Python<'_>) -> PyResult<Vec<i32>> {
        let sockets = py.detach(|| self.inner.listening_sockets()).map_err(failed)?;
        Ok(sockets.into_iter().map(IntoRawFd::into_raw_fd).collect())
    }

    #[allow(clippy::needless_pass_by_value)]
    fn adopt_sockets(&self, descriptors: Vec<i32>) -> PyResult<()> {
        self.inner.adopt_sockets(&descriptors).map_err(failed)
    }

    fn release_sockets(&self) {
        self.inner.release_sockets();
    }

    fn fail_health_check(&self, failed: bool) {
        self.inner.fail_health_check(failed);
    }

    #[pyo3(signature = (inbound_only=false))]
    fn stop_listeners(&self, inbound_only: bool) {
        self.inner.stop_listeners(inbound_only);
    }

    fn active_connections(&self) -> u64 {
        self.inner.active_connections()
    }

    fn shutdown(&self, py: Python<'_>) {
        py.detach(|| self.inner.shutdown());
    }

    fn block_arrays(&self, py: Python<'_>) -> Vec<BlockArray> {
        self.inner.refresh_stats();
        let blocks = self.inner.registry().all();
        blocks
            .iter()
            .map(|(t, number, _, block)| (*t, *number, bytes(py, &block.to_bytes())))
            .collect()
    }

    fn histograms(&self, py: Python<'_>) -> Vec<BlockHistogram> {
        let mut all = Vec::new();
        for (thread, number, _, block) in self.inner.registry().all() {
            for (index, bins) in block.histograms() {
                all.push((thread, number, index, pairs(py, &bins)));
            }
        }
        all
    }

    fn response_codes(&self) -> Vec<(u32, usize, u16, u64)> {
        let mut sums = std::collections::BTreeMap::new();
        for (_, number, _, block) in self.inner.registry().all() {
            for (origin, status, count) in block.responses() {
                *sums.entry((number, origin, status)).or_insert(0) += count;
            }
        }
        sums.into_iter().map(|((number, origin, status), n)| (number, origin, status, n)).collect()
    }

    fn named_counters(&self) -> Vec<(u32, String, u64)> {
        let mut sums = std::collections::BTreeMap::new();
        for (_, number, _, block) in self.inner.registry().all() {
            for (name, count) in block.named_counters() {
                *sums.entry((number, name)).or_insert(0) += count;
            }
        }
        sums.into_iter().map(|((number, name), count)| (number, name, count)).collect()
    }

    fn named_histograms(&self, py: Python<'_>) -> Vec<(usize, u32, String, Py<PyBytes>)> {
        let mut all = Vec::new();
        for (thread, number, _, block) in self.inner.registry().all() {
            for (name, bins) in block.named_histograms() {
                all.push((thread, number, name, pairs(py, &bins)));
            }
        }
        all
    }

    fn reset_counters(&self) {
        self.inner.reset_counters(is_gauge);
    }

    fn clusters(&self, py: Python<'_>) -> Py<PyBytes> {
        bytes(py, &self.inner.clusters().encode_to_vec())
    }

    fn warming(&self, cluster: &str) -> bool {
        self.inner.warming(cluster)
    }

    fn listeners(&self, py: Python<'_>) -> Py<PyBytes> {
        bytes(py, &self.inner.listeners().encode_to_vec())
    }

    fn reopen_logs(&self) {
        self.inner.reopen_logs();
    }

    fn set_log_level(&self, component: &str, level: u8) {
        lateen_core::log::set_level(component, level);
    }

    fn next_log(&self, py: Python<'_>, timeout_s: f64) -> Option<(u8, String, String)> {
        let timeout = Duration::try_from_secs_f64(timeout_s).unwrap_or_default();
        let message = py.detach(|| lateen_core::log::next_log(timeout))?;
        Some((message.level as u8, message.component.to_owned(), message.text))
    }

    fn next_ask(&self, py: Python<'_>, timeout_s: f64) -> Option<(i32, Py<PyBytes>, Py<PyBytes>)> {
        let timeout = Duration::try_from_secs_f64(timeout_s).unwrap_or_default();
        let ask = py.detach(|| self.inner.next_ask(timeout))?;
        Some((ask.kind as i32, bytes(py, &ask.source), bytes(py, &ask.name)))
    }

    fn wake_asks(&self) {
        self.inner.wake_asks();
    }

    fn wake_log(&self) {
        lateen_core::log::wake();
    }
}

/// (bin, count) pairs of a histogram, as little-endian bytes.
fn pairs(py: Python<'_>, bins: &[(u64, u64)]) -> Py<PyBytes> {
    let all: Vec<u8> = bins
        .iter()
        .flat_map(|(bin, count)| [bin.to_le_bytes(), count.to_le_bytes()].concat())
        .collect();
    bytes(py, &all)
}

/// Which values of a block a reset of the counters leaves: gauges end in these words in every enum.
fn is_gauge(kind: BlockKind, index: usize) -> bool {
    let index = index as i32;
    let name = match kind {
        BlockKind::Process => proto::ProcessStat::try_from(index).map(|s| s.as_str_name()),
        BlockKind::Listener => proto::ListenerStat::try_from(index).map(|s| s.as_str_name()),
        BlockKind::ListenerHttp => {
            proto::ListenerHttpStat::try_from(index).map(|s| s.as_str_name())
        }
        BlockKind::Http => proto::HttpStat::try_from(index).map(|s| s.as_str_name()),
        BlockKind::Cluster => proto::ClusterStat::try_from(index).map(|s| s.as_str_name()),
        BlockKind::VirtualCluster => {
            proto::VirtualClusterStat::try_from(index).map(|s| s.as_str_name())
        }
        BlockKind::Tcp => proto::TcpStat::try_from(index).map(|s| s.as_str_name()),
        BlockKind::Ssl => proto::SslStat::try_from(index).map(|s| s.as_str_name()),
        BlockKind::ConnectionLimit => {
            proto::ConnectionLimitStat::try_from(index).map(|s| s.as_str_name())
        }
        BlockKind::Outlier => proto::OutlierStat::try_from(index).map(|s| s.as_str_name()),
        BlockKind::HealthCheck => proto::HealthCheckStat::try_from(index).map(|s| s.as_str_name()),
        BlockKind::Filter => return false,
    };
    name.is_ok_and(|name| {
        name.ends_with("_ACTIVE")
            || name.ends_with("_BUFFERED")
            || name.ends_with("_OPEN")
            || name.contains("MEMBERSHIP_")
            || name.contains("REMAINING_")
            || name.ends_with("MAX_HOST_WEIGHT")
            || name.ends_with("DRAINING")
            || name.ends_with("ACTIVE_CONNECTIONS")
    })
}

/// Serial number, validity (seconds since 1970) and alternative names (kind, value) of a certificate in DER.
#[pyfunction]
fn certificate_facts(der: &[u8]) -> Option<CertificateFacts> {
    let facts = lateen_core::tls::CertificateFacts::read(der)?;
    let seconds = |time: std::time::SystemTime| {
        time.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
    };
    let names = &facts.names;
    let kinds = [("dns", &names.dns), ("uri", &names.uri), ("ip_address", &names.ip)];
    let listed = kinds
        .iter()
        .flat_map(|(kind, list)| list.iter().map(|name| ((*kind).to_owned(), name.clone())))
        .collect();
    Some((facts.serial, seconds(facts.not_before), seconds(facts.not_after), listed))
}

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("FilterTimeout", module.py().get_type::<FilterTimeout>())?;
    module.add("WorkersError", module.py().get_type::<WorkersError>())?;
    module.add_class::<Workers>()?;
    module.add_class::<headers::HeaderMap>()?;
    module.add_class::<scripts::RequestHead>()?;
    module.add_class::<scripts::ResponseHead>()?;
    module.add_class::<scripts::BodyChunk>()?;
    module.add_function(wrap_pyfunction!(certificate_facts, module)?)?;
    module.add_function(wrap_pyfunction!(version, module)?)
}
