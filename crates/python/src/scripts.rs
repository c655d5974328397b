//! Runs Python filters for the workers: one turn with the GIL a phase, never across a wait.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lateen_core::headers::{HeaderId, Headers};
use lateen_core::http::stream::Answer;
use lateen_core::scripts::{Ran, Script, ScriptCall, Verdict, Wants};
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::headers::{checked, HeaderMap};
use crate::interrupt::{self, FilterTimeout, Watch};

/// The head of a request.
#[pyclass(module = "lateen._core", name = "RequestHead")]
pub struct RequestHead {
    #[pyo3(get)]
    headers: Py<HeaderMap>,
    body: Body,
    clear_route: bool,
    metadata: Vec<(String, String, serde_json::Value)>,
}

#[pymethods]
impl RequestHead {
    #[getter]
    fn method<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.headers.borrow(py).pseudo(py, HeaderId::Method)
    }

    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.headers.borrow(py).pseudo(py, HeaderId::Path)
    }

    #[getter]
    fn authority<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.headers.borrow(py).pseudo(py, HeaderId::Authority)
    }

    #[getter]
    fn scheme<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.headers.borrow(py).pseudo(py, HeaderId::Scheme)
    }

    #[getter]
    fn body(&self, py: Python<'_>) -> PyResult<Py<PyBytes>> {
        self.body.get(py, "request_body")
    }

    #[setter]
    fn set_body(&mut self, bytes: Py<PyBytes>) -> PyResult<()> {
        self.body.set(bytes, "request_body")
    }

    fn clear_route(&mut self) {
        self.clear_route = true;
    }

    fn set_metadata(
        &mut self,
        namespace: String,
        key: String,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let json = value.py().import("json")?.call_method1("dumps", (value,))?;
        let json = serde_json::from_str(json.downcast::<PyString>()?.to_str()?);
        let json = json.map_err(|error| PyValueError::new_err(error.to_string()))?;
        self.metadata.push((namespace, key, json));
        Ok(())
    }
}

/// The head of a response.
#[pyclass(module = "lateen._core", name = "ResponseHead")]
pub struct ResponseHead {
    #[pyo3(get)]
    headers: Py<HeaderMap>,
    #[pyo3(get)]
    status: u16,
    body: Body,
}

#[pymethods]
impl ResponseHead {
    #[getter]
    fn body(&self, py: Python<'_>) -> PyResult<Py<PyBytes>> {
        self.body.get(py, "response_body")
    }

    #[setter]
    fn set_body(&mut self, bytes: Py<PyBytes>) -> PyResult<()> {
        self.body.set(bytes, "response_body")
    }
}

/// The next bytes of a body.
#[pyclass(module = "lateen._core", name = "BodyChunk")]
pub struct BodyChunk {
    #[pyo3(get, set)]
    data: Py<PyBytes>,
    #[pyo3(get)]
    end: bool,
}

/// A whole body, if the filter waits for it.
struct Body {
    bytes: Option<Py<PyBytes>>,
    changed: bool,
}

impl Body {
    fn of(py: Python<'_>, bytes: Option<&Vec<u8>>) -> Self {
        Self { bytes: bytes.map(|bytes| PyBytes::new(py, bytes).unbind()), changed: false }
    }

    fn get(&self, py: Python<'_>, which: &str) -> PyResult<Py<PyBytes>> {
        let bytes = self.bytes.as_ref().ok_or_else(|| not_wanted(which))?;
        Ok(bytes.clone_ref(py))
    }

    fn set(&mut self, bytes: Py<PyBytes>, which: &str) -> PyResult<()> {
        if self.bytes.is_none() {
            return Err(not_wanted(which));
        }
        *self = Self { bytes: Some(bytes), changed: true };
        Ok(())
    }

    /// Puts what the filter has set in the place of the body.
    fn give_back(&self, py: Python<'_>, body: Option<&mut Vec<u8>>) {
        if let (Some(body), Some(bytes), true) = (body, &self.bytes, self.changed) {
            body.clear();
            body.extend_from_slice(bytes.as_bytes(py));
        }
    }
}

fn not_wanted(which: &str) -> PyErr {
    PyRuntimeError::new_err(format!("the body is not waited for: @http_filter({which}=True)"))
}

/// What a filter was loaded as.
pub struct PyScript {
    /// Called with each request; None: each request has an object of its own.
    pub function: Option<Py<PyAny>>,
    /// Makes the object of a request.
    pub factory: Option<Py<PyAny>>,
    /// The object has `on_request`.
    pub sees_requests: bool,
    pub wants: Wants,
    /// How long a call may take; zero: there is no limit.
    pub limit: Duration,
    pub watch: Arc<Watch>,
}

impl Script for PyScript {
    fn wants(&self) -> Wants {
        self.wants
    }

    fn request(
        &self,
        head: &mut Headers,
        body: Option<&mut Vec<u8>>,
    ) -> (Ran, Option<Box<dyn ScriptCall>>) {
        let mut call = None;
        let ran = in_python(&self.watch, self.limit, |py| {
            let object = match &self.factory {
                Some(factory) => Some(factory.call0(py)?),
                None => None,
            };
            let verdict = match (&self.function, &object) {
                (Some(function), _) => {
                    on_request(py, head, body, |head| function.call1(py, (head,)))?
                }
                (None, Some(object)) if self.sees_requests => on_request(py, head, body, |head| {
                    object.call_method1(py, pyo3::intern!(py, "on_request"), (head,))
                })?,
                _ => Verdict::default(),
            };
            let wants = self.wants;
            if wants.response || wants.request_chunks || wants.response_chunks {
                call = object.map(|object| {
                    let watch = self.watch.clone();
                    Box::new(PyCall { object, limit: self.limit, watch }) as Box<dyn ScriptCall>
                });
            }
            Ok(verdict)
        });
        (ran, call)
    }
}

/// The object of one request.
struct PyCall {
    object: Py<PyAny>,
    limit: Duration,
    watch: Arc<Watch>,
}

impl PyCall {
    fn chunk(&self, name: &str, bytes: &mut Vec<u8>, end: bool) -> Ran {
        in_python(&self.watch, self.limit, |py| {
            let given = BodyChunk { data: PyBytes::new(py, bytes).unbind(), end };
            let given = Py::new(py, given)?;
            let result = self.object.call_method1(py, name, (given.clone_ref(py),))?;
            let answer = answer(result.bind(py))?;
            let given = given.borrow(py);
            let data = given.data.as_bytes(py);
            if data != bytes.as_slice() {
                bytes.clear();
                bytes.extend_from_slice(data);
            }
            Ok(Verdict { answer, ..Verdict::default() })
        })
    }
}

impl ScriptCall for PyCall {
    fn response(&mut self, head: &mut Headers, body: Option<&mut Vec<u8>>) -> Ran {
        in_python(&self.watch, self.limit, |py| {
            let status = head.get_str(HeaderId::Status).and_then(|status| status.parse().ok());
            let headers = Py::new(py, HeaderMap::default())?;
            let given = ResponseHead {
                headers: headers.clone_ref(py),
                status: status.unwrap_or(0),
                body: Body::of(py, body.as_deref()),
            };
            let given = Py::new(py, given)?;
            headers.borrow_mut(py).lend(head);
            let name = pyo3::intern!(py, "on_response");
            let result = self.object.call_method1(py, name, (given.clone_ref(py),));
            let result = result.and_then(|result| answer(result.bind(py)));
            headers.borrow_mut(py).give_back(head, result.is_err());
            let answer = result?;
            given.borrow(py).body.give_back(py, body);
            Ok(Verdict { answer, ..Verdict::default() })
        })
    }

    fn request_chunk(&mut self, bytes: &mut Vec<u8>, end: bool) -> Ran {
        self.chunk("on_request_body", bytes, end)
    }

    fn response_chunk(&mut self, bytes: &mut Vec<u8>, end: bool) -> Ran {
        self.chunk("on_response_body", bytes, end)
    }
}

fn in_python(
    watch: &Watch,
    limit: Duration,
    work: impl FnOnce(Python<'_>) -> PyResult<Verdict>,
) -> Ran {
    let begun = Instant::now();
    Python::attach(|py| {
        let waited = begun.elapsed();
        interrupt::stay_known(py);
        let outcome = watch.limited(py, limit, || work(py));
        Ran { outcome: outcome.map_err(|error| told(py, &error, limit)), waited }
    })
}

fn on_request(
    py: Python<'_>,
    head: &mut Headers,
    body: Option<&mut Vec<u8>>,
    call: impl FnOnce(Py<RequestHead>) -> PyResult<Py<PyAny>>,
) -> PyResult<Verdict> {
    let headers = Py::new(py, HeaderMap::default())?;
    let given = RequestHead {
        headers: headers.clone_ref(py),
        body: Body::of(py, body.as_deref()),
        clear_route: false,
        metadata: Vec::new(),
    };
    let given = Py::new(py, given)?;
    headers.borrow_mut(py).lend(head);
    let result = call(given.clone_ref(py)).and_then(|result| answer(result.bind(py)));
    headers.borrow_mut(py).give_back(head, result.is_err());
    let answer = result?;
    let mut given = given.borrow_mut(py);
    given.body.give_back(py, body);
    let metadata = std::mem::take(&mut given.metadata);
    Ok(Verdict { answer, clear_route: given.clear_route, metadata })
}

/// What a filter returned, as an answer of the proxy.
fn answer(returned: &Bound<'_, PyAny>) -> PyResult<Option<Answer>> {
    if returned.is_none() {
        return Ok(None);
    }
    let py = returned.py();
    let Ok(status) = returned.getattr(pyo3::intern!(py, "status")) else {
        let kind = returned.get_type().name()?;
        return Err(PyTypeError::new_err(format!("it returned {kind}, not a Response or None")));
    };
    let status: u16 = status.extract()?;
    if !(200..600).contains(&status) {
        return Err(PyValueError::new_err(format!("it answered with status {status}")));
    }
    let body: Vec<u8> = returned.getattr(pyo3::intern!(py, "body"))?.extract()?;
    let headers: Vec<(String, String)> =
        returned.getattr(pyo3::intern!(py, "headers"))?.extract()?;
    let mut made = Answer::new(status, "", "python_filter_answered");
    made.body = Cow::Owned(body);
    for (name, value) in headers {
        let key = checked(&name, value.as_bytes())?;
        if key.id().is_pseudo() {
            return Err(PyValueError::new_err(format!("{name} is no header of a response")));
        }
        made.headers.append(&key, value.as_bytes());
    }
    Ok(Some(made))
}

/// An error as one line: what it is, and where in the filter.
fn told(py: Python<'_>, error: &PyErr, limit: Duration) -> String {
    let mut place = String::new();
    let mut at = error.traceback(py).map(pyo3::Bound::into_any);
    while let Some(frame) = at.take().filter(|at| !at.is_none()) {
        if let Ok(found) = place_of(&frame) {
            place = found;
        }
        at = frame.getattr("tb_next").ok();
    }
    if error.is_instance_of::<FilterTimeout>(py) {
        return format!("it took longer than {limit:?}{place}");
    }
    format!("{error}{place}").replace('\n', " ")
}

fn place_of(traceback: &Bound<'_, PyAny>) -> PyResult<String> {
    let line: u32 = traceback.getattr("tb_lineno")?.extract()?;
    let code = traceback.getattr("tb_frame")?.getattr("f_code")?;
    let file: String = code.getattr("co_filename")?.extract()?;
    let name: String = code.getattr("co_name")?.extract()?;
    Ok(format!(" ({file}:{line}, in {name})"))
}
