//! What a service changes about a request that may pass, and about its response.

use super::query;
use super::verdict::Field;
use crate::filters::bodies::StreamFilter;
use crate::filters::Head;
use crate::headers::{HeaderId, HeaderName, Headers, Side};
use crate::http::permissions::{is_removable, is_well_formed, Operation, Permission, Permissions};
use crate::http::stream::{Answer, Stream};

/// What was asked for cannot be done.
#[derive(Debug)]
pub struct Invalid;

#[derive(Debug, Default)]
pub struct Changes {
    pub set: Vec<Field>,
    pub add: Vec<Field>,
    /// To the value of a header that is there.
    pub append: Vec<Field>,
    pub remove: Vec<HeaderName>,
    pub set_query: Vec<(String, String)>,
    pub remove_query: Vec<String>,
    pub response: ResponseChanges,
    /// A header of the response is to be changed in a way that there is not.
    pub unknown_action: bool,
}

impl Changes {
    /// Changes the request.
    ///
    /// # Errors
    /// A change that would make it malformed, or that is not permitted.
    pub fn apply(
        &self,
        stream: &mut Stream,
        permissions: Option<&Permissions>,
        strict: bool,
    ) -> Result<(), Invalid> {
        if !self.response.is_valid() || strict && self.unknown_action {
            return Err(Invalid);
        }
        let is_head = stream.head.is_head;
        let request = &mut stream.request;
        for field in &self.set {
            if is_granted(field, Operation::Set, permissions, is_head)? {
                request.overwrite(Side::Request, &field.name, &field.value);
            }
        }
        for field in &self.add {
            if is_granted(field, Operation::Set, permissions, is_head)? {
                request.add(Side::Request, &field.name, &field.value);
            }
        }
        for field in &self.append {
            if is_granted(field, Operation::Append, permissions, is_head)? {
                append(request, field);
            }
        }
        self.remove_headers(request, permissions)?;
        self.change_query(request, strict)
    }

    fn remove_headers(
        &self,
        request: &mut Headers,
        permissions: Option<&Permissions>,
    ) -> Result<(), Invalid> {
        for name in &self.remove {
            let permission = match permissions {
                Some(permissions) => permissions.of(Operation::Remove, name),
                None if is_removable(name) => Permission::Granted,
                None => Permission::Ignored,
            };
            match permission {
                Permission::Granted => _ = request.remove(name),
                Permission::Ignored => {}
                Permission::Refused => return Err(Invalid),
            }
        }
        Ok(())
    }

    fn change_query(&self, request: &mut Headers, strict: bool) -> Result<(), Invalid> {
        if self.set_query.is_empty() && self.remove_query.is_empty() {
            return Ok(());
        }
        let well_formed = |text: &str| match strict {
            true => query::is_encoded(text),
            false => query::fits(text),
        };
        if !self.set_query.iter().all(|(key, value)| well_formed(key) && well_formed(value)) {
            return Err(Invalid);
        }
        let Some(path) = request.get(HeaderId::Path) else { return Ok(()) };
        let path = query::change(path, &self.set_query, &self.remove_query);
        request.set(HeaderId::Path, &path);
        Ok(())
    }

    /// Whether the route may be another one now: for these headers alone if there are some, else for all. As in
    /// Envoy, headers that are added do not count.
    pub fn concern_route(&self, headers: &[HeaderName]) -> bool {
        let matters = |name: &HeaderName| headers.is_empty() || headers.contains(name);
        !self.set_query.is_empty()
            || !self.remove_query.is_empty()
            || self.set.iter().chain(&self.append).any(|field| matters(&field.name))
            || self.remove.iter().any(matters)
    }
}

/// Whether a header is to be changed so. A request stays one that is answered as the client expects: HEAD and
/// CONNECT are not made of another method, nor the other way round.
fn is_granted(
    field: &Field,
    operation: Operation,
    permissions: Option<&Permissions>,
    is_head: bool,
) -> Result<bool, Invalid> {
    let (name, value) = (&field.name, &field.value);
    match permissions.map_or(Permission::Granted, |it| it.of(operation, name)) {
        Permission::Granted if is_unknown_pseudo(name) => return Ok(false),
        Permission::Granted => {}
        Permission::Ignored => return Ok(false),
        Permission::Refused => return Err(Invalid),
    }
    let of_another_kind = name.id() == HeaderId::Method
        && (is_head != (&**value == b"HEAD") || &**value == b"CONNECT");
    match is_well_formed(name, value) && !of_another_kind {
        true => Ok(true),
        false => Err(Invalid),
    }
}

/// It is in no request, however it is written.
fn is_unknown_pseudo(name: &HeaderName) -> bool {
    let known = [HeaderId::Authority, HeaderId::Method, HeaderId::Path, HeaderId::Scheme];
    name.as_bytes().starts_with(b":") && !known.contains(&name.id())
}

fn append(request: &mut Headers, field: &Field) {
    let Some(old) = request.joined(field.name.key()) else { return };
    let joined = [&old, &b","[..], &field.value].concat();
    request.set(&field.name, &joined);
}

/// What happens to the head of the response, whoever gives it.
#[derive(Debug, Default)]
pub struct ResponseChanges {
    pub add: Vec<Field>,
    pub set: Vec<Field>,
    pub add_if_absent: Vec<Field>,
    pub overwrite_if_exists: Vec<Field>,
}

impl ResponseChanges {
    fn all(&self) -> impl Iterator<Item = &Field> {
        self.add.iter().chain(&self.set).chain(&self.add_if_absent).chain(&self.overwrite_if_exists)
    }

    pub fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }

    fn is_valid(&self) -> bool {
        self.all().all(Field::is_valid)
    }

    fn apply(&self, headers: &mut Headers) {
        for field in &self.add {
            headers.add(Side::Response, &field.name, &field.value);
        }
        for field in &self.set {
            headers.overwrite(Side::Response, &field.name, &field.value);
        }
        for field in &self.add_if_absent {
            if !headers.contains(&field.name) {
                headers.add(Side::Response, &field.name, &field.value);
            }
        }
        for field in &self.overwrite_if_exists {
            if headers.contains(&field.name) {
                headers.overwrite(Side::Response, &field.name, &field.value);
            }
        }
    }
}

impl StreamFilter for ResponseChanges {
    fn response_head(&mut self, stream: &mut Stream, _end: bool) -> Result<Head, Box<Answer>> {
        self.apply(&mut stream.response);
        Ok(Head::Pass)
    }
}

#[cfg(test)]
mod tests {
    use super::{Changes, Field, HeaderName, Headers, ResponseChanges};

    fn fields(pairs: &[(&str, &str)]) -> Vec<Field> {
        pairs.iter().map(|(name, value)| Field::new(name, value.as_bytes())).collect()
    }

    fn lines(headers: &Headers) -> String {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let lines =
            headers.iter().map(|(_, name, value)| format!("{}: {}", text(name), text(value)));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_head_of_a_response_is_changed_by_kind() {
        let changes = ResponseChanges {
            set: fields(&[("x-a", "s")]),
            add: fields(&[("x-a", "a"), ("x-b", "a")]),
            add_if_absent: fields(&[("x-b", "n"), ("x-c", "n"), ("x-c", "m")]),
            overwrite_if_exists: fields(&[("x-d", "o"), ("x-b", "o")]),
        };
        let mut headers = Headers::new();
        headers.append_raw(b"x-a", b"1");
        changes.apply(&mut headers);
        assert_eq!(lines(&headers), "x-a: s\nx-c: n\nx-b: o");
        assert!(changes.is_valid() && !changes.is_empty());
        let bad = ResponseChanges { add: fields(&[("x-a", "a\r\nb: c")]), ..Default::default() };
        assert!(!bad.is_valid());
    }

    #[test]
    fn what_may_change_the_route() {
        let listed = [HeaderName::new("x-a")];
        let added = Changes { add: fields(&[("x-a", "1")]), ..Default::default() };
        assert!(!added.concern_route(&[]));
        let set = Changes { set: fields(&[("x-b", "1")]), ..Default::default() };
        assert!(set.concern_route(&[]) && !set.concern_route(&listed));
        let removed = Changes { remove: listed.to_vec(), ..Default::default() };
        assert!(removed.concern_route(&[]) && removed.concern_route(&listed));
        let query = Changes { remove_query: vec!["q".into()], ..Default::default() };
        assert!(query.concern_route(&listed));
    }
}
