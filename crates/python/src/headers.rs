//! Headers and requests as Python filters see them. Each object is one message's while a filter looks at it.

use lateen_core::headers::{is_valid_name, is_valid_value, HeaderId, HeaderName, Headers};
use pyo3::exceptions::{PyKeyError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

/// What says how long a message is belongs to the proxy, which frames it.
const FRAMING: &[&[u8]] = &[b"content-length", b"transfer-encoding", b"connection", b"upgrade"];

/// The headers of a message, pseudo headers included.
#[pyclass(module = "lateen._core", name = "HeaderMap")]
#[derive(Default)]
pub struct HeaderMap {
    /// None: the filter has returned, and the message has gone on.
    headers: Option<Headers>,
    /// As they were before the first change.
    before: Option<Headers>,
}

fn gone() -> PyErr {
    PyRuntimeError::new_err("the message has gone on: a filter cannot keep it beyond its call")
}

/// Bytes that are no UTF-8 come as surrogates, as in `os.fsdecode`.
fn text<'py>(py: Python<'py>, value: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    match std::str::from_utf8(value) {
        Ok(value) => Ok(PyString::new(py, value).into_any()),
        Err(_) => PyBytes::new(py, value).call_method1("decode", ("utf-8", "surrogateescape")),
    }
}

fn with_value<R>(value: &Bound<'_, PyString>, then: impl FnOnce(&[u8]) -> R) -> PyResult<R> {
    if let Ok(value) = value.to_str() {
        return Ok(then(value.as_bytes()));
    }
    let encoded = value.call_method1("encode", ("utf-8", "surrogateescape"))?;
    Ok(then(encoded.downcast::<PyBytes>()?.as_bytes()))
}

/// The name as a key, where it may be set to this value.
pub fn checked(name: &str, value: &[u8]) -> PyResult<HeaderName> {
    let key = changeable(name)?;
    let pseudo = key.id().is_pseudo();
    if !is_valid_value(value) || pseudo && (value.is_empty() || value.contains(&b' ')) {
        let value = String::from_utf8_lossy(value).into_owned();
        return Err(PyValueError::new_err(format!("{value:?} cannot be the value of {name}")));
    }
    Ok(key)
}

fn changeable(name: &str) -> PyResult<HeaderName> {
    let key = HeaderName::new(name);
    if FRAMING.contains(&key.as_bytes()) {
        return Err(PyValueError::new_err(format!("{name} is the proxy's own to set")));
    }
    if !key.id().is_pseudo() && !is_valid_name(key.as_bytes()) {
        return Err(PyValueError::new_err(format!("{name:?} is no name of a header")));
    }
    Ok(key)
}

impl HeaderMap {
    pub fn lend(&mut self, headers: &mut Headers) {
        self.headers = Some(std::mem::take(headers));
    }

    /// Gives them back; with `undo`, as they were before the filter changed them.
    pub fn give_back(&mut self, headers: &mut Headers, undo: bool) {
        let changed = self.headers.take().unwrap_or_default();
        *headers = match self.before.take() {
            Some(before) if undo => before,
            _ => changed,
        };
    }

    fn all(&self) -> PyResult<&Headers> {
        self.headers.as_ref().ok_or_else(gone)
    }

    fn change(&mut self) -> PyResult<&mut Headers> {
        let headers = self.headers.as_mut().ok_or_else(gone)?;
        if self.before.is_none() {
            self.before = Some(headers.clone());
        }
        Ok(headers)
    }

    fn value<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let value = self.all()?;
        let name = HeaderName::new(name);
        value.joined(name.key()).map(|value| text(py, &value)).transpose()
    }

    fn names(&self) -> PyResult<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        for (_, name, _) in self.all()?.iter() {
            let name = String::from_utf8_lossy(name);
            if !names.iter().any(|known| *known == name) {
                names.push(name.into_owned());
            }
        }
        Ok(names)
    }

    pub fn pseudo<'py>(&self, py: Python<'py>, id: HeaderId) -> PyResult<Bound<'py, PyAny>> {
        text(py, self.all()?.get(id).unwrap_or_default())
    }
}

#[pymethods]
impl HeaderMap {
    fn __getitem__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.value(py, name)?.ok_or_else(|| PyKeyError::new_err(name.to_owned()))
    }

    #[pyo3(signature = (name, default=None))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.value(py, name)?.or(default))
    }

    fn get_all<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let name = HeaderName::new(name);
        self.all()?.get_all(name.key()).map(|value| text(py, value)).collect()
    }

    fn __setitem__(&mut self, name: &str, value: &Bound<'_, PyString>) -> PyResult<()> {
        with_value(value, |value| {
            let key = checked(name, value)?;
            self.change()?.set(&key, value);
            Ok(())
        })?
    }

    fn add(&mut self, name: &str, value: &Bound<'_, PyString>) -> PyResult<()> {
        with_value(value, |value| {
            let key = checked(name, value)?;
            match key.id().is_pseudo() {
                true => self.change()?.set(&key, value),
                false => self.change()?.append(&key, value),
            }
            Ok(())
        })?
    }

    fn __delitem__(&mut self, name: &str) -> PyResult<()> {
        let key = changeable(name)?;
        if key.id().is_pseudo() {
            return Err(PyValueError::new_err(format!("{name} cannot be left out")));
        }
        match self.change()?.remove(&key) {
            true => Ok(()),
            false => Err(PyKeyError::new_err(name.to_owned())),
        }
    }

    fn __contains__(&self, name: &str) -> PyResult<bool> {
        Ok(self.all()?.contains(&HeaderName::new(name)))
    }

    fn __len__(&self) -> PyResult<usize> {
        Ok(self.names()?.len())
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let names = pyo3::types::PyList::new(py, self.names()?)?;
        Ok(names.try_iter()?.into_any())
    }

    fn items<'py>(&self, py: Python<'py>) -> PyResult<Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)>> {
        let all = self.all()?.iter();
        all.map(|(_, name, value)| Ok((text(py, name)?, text(py, value)?))).collect()
    }
}
