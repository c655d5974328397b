//! Rewriting the path of a request.

use super::path_match::{without_query, PathMatch};
use super::regex_rewrite::RegexRewrite;
use super::uri_template::TemplateRewrite;
use super::Format;
use crate::compile::{At, CompileError, Result};
use crate::formatter::Formatter;
use crate::headers::{HeaderId, Headers};
use crate::matcher::Regexes;
use crate::proto;

/// What takes the place of the path, or of the part that the route matched; the query stays.
pub(super) enum PathRewrite {
    Prefix(Box<[u8]>),
    Regex(RegexRewrite),
    Template(TemplateRewrite),
    Format(Formatter),
}

impl PathRewrite {
    /// Fails on what does not compile and on a template rewrite without a template match.
    pub(super) fn compile(
        message: &proto::RouteAction,
        matched: &PathMatch,
        regexes: &Regexes,
    ) -> Result<Option<Self>> {
        if let Some(format) = &message.path_rewrite {
            return Ok(Some(Self::Format(Formatter::compile(format).at("path_rewrite")?)));
        }
        if let Some(regex) = &message.regex_rewrite {
            return Self::regex(regex, regexes).map(Some);
        }
        if !message.path_template_rewrite.is_empty() {
            let template = matched
                .template()
                .ok_or_else(|| CompileError::new("a template rewrite needs a uri_template match"))
                .at("path_template_rewrite")?;
            let rewrite = TemplateRewrite::compile(&message.path_template_rewrite, template);
            return Ok(Some(Self::Template(rewrite.at("path_template_rewrite")?)));
        }
        Ok(Self::prefix(&message.prefix_rewrite))
    }

    pub(super) fn regex(message: &proto::RegexRewrite, regexes: &Regexes) -> Result<Self> {
        Ok(Self::Regex(RegexRewrite::compile(message, regexes).at("regex_rewrite")?))
    }

    /// `None` for an empty prefix, which rewrites nothing.
    pub(super) fn prefix(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self::Prefix(text.as_bytes().into()))
    }

    /// Rewrites `:path`; the path before goes to x-envoy-original-path when `keep_original`. A path that would
    /// become empty (but for the query) stays as it is.
    pub(super) fn apply(
        &self,
        request: &mut Headers,
        matched: &PathMatch,
        keep_original: bool,
        format: &Format<'_>,
    ) {
        let Some(target) = request.get(HeaderId::Path) else { return };
        let path = without_query(target);
        let replaced = match self {
            Self::Prefix(_) => matched.matched_len(path),
            _ => path.len(),
        };
        let Some(mut new) = self.new_path(path, request, format) else { return };
        new.extend_from_slice(&path[replaced..]);
        if new.is_empty() {
            return;
        }
        new.extend_from_slice(&target[path.len()..]);
        let original = keep_original.then(|| target.to_vec());
        if let Some(original) = original {
            request.set(HeaderId::XEnvoyOriginalPath, &original);
        }
        request.set(HeaderId::Path, &new);
    }

    fn new_path(&self, path: &[u8], request: &Headers, format: &Format<'_>) -> Option<Vec<u8>> {
        match self {
            Self::Prefix(text) => Some(text.to_vec()),
            Self::Regex(regex) => Some(regex.replace_all(path)),
            Self::Template(template) => {
                Some(template.rewrite(path).unwrap_or_else(|| path.to_vec()))
            }
            Self::Format(formatter) => {
                let mut out = Vec::new();
                format.request(formatter, request, &mut out);
                Some(out)
            }
        }
    }
}
