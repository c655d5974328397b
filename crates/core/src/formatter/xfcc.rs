//! XFCC_VALUE(key): one value of x-forwarded-client-cert.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert>

use super::{FormatContext, Rendered};
use crate::compile::{CompileError, Result};
use crate::headers::HeaderId;

const KEYS: [&str; 7] = ["by", "hash", "cert", "chain", "subject", "uri", "dns"];

pub struct XfccValue {
    /// Lower case.
    key: String,
}

impl XfccValue {
    pub fn compile(argument: &str) -> Result<Self> {
        let key = argument.to_ascii_lowercase();
        match KEYS.contains(&key.as_str()) {
            true => Ok(Self { key }),
            false => Err(CompileError::new(format!(
                "XFCC_VALUE command does not support subcommand: {argument}"
            ))),
        }
    }

    /// Appends the first value of the key, over all certificates.
    pub fn render(&self, context: &FormatContext<'_>, out: &mut Vec<u8>) -> Rendered {
        let header = context.request.and_then(|it| it.get(HeaderId::XForwardedClientCert));
        let Some(header) = header else { return Rendered::Absent };
        for pair in Pairs(header) {
            let Some(equals) = memchr::memchr(b'=', pair) else { continue };
            if pair[..equals].trim_ascii().eq_ignore_ascii_case(self.key.as_bytes()) {
                push_unquoted(pair[equals + 1..].trim_ascii(), out);
                return Rendered::Text;
            }
        }
        Rendered::Absent
    }
}

/// The parts between commas and semicolons that stand outside of quotes.
struct Pairs<'a>(&'a [u8]);

impl<'a> Iterator for Pairs<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let (mut quoted, mut escaped) = (false, false);
        let end = self.0.iter().position(|&byte| {
            let separates = !quoted && matches!(byte, b',' | b';');
            quoted ^= byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            separates
        });
        let end = end.unwrap_or(self.0.len());
        let pair = &self.0[..end];
        self.0 = self.0.get(end + 1..).unwrap_or_default();
        Some(pair)
    }
}

fn push_unquoted(value: &[u8], out: &mut Vec<u8>) {
    let quoted = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    let Some(inner) = quoted else { return out.extend_from_slice(value) };
    let mut bytes = inner.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\\' => out.extend(bytes.next()),
            _ => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::XfccValue;
    use crate::formatter::tests::Sample;
    use crate::formatter::Rendered;

    fn value(header: &str, key: &str) -> Option<String> {
        let mut sample = Sample::new();
        sample.request.append_raw(b"x-forwarded-client-cert", header.as_bytes());
        let mut out = Vec::new();
        let rendered = XfccValue::compile(key).unwrap().render(&sample.context(), &mut out);
        (rendered == Rendered::Text).then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn the_first_value_of_a_key_is_taken_and_unquoted() {
        let full = "By=spiffe://a;Hash=abc;Subject=\"CN=x,O=\\\"y\\\"\";URI=b;URI=c;DNS=d1";
        assert_eq!(value(full, "URI").as_deref(), Some("b"));
        assert_eq!(value(full, "subject").as_deref(), Some("CN=x,O=\"y\""));
        assert_eq!(value(full, "chain"), None);
        assert_eq!(value("URI=one,URI=two;By=z", "by").as_deref(), Some("z"));
        assert_eq!(value("Hash=", "hash").as_deref(), Some(""));
        assert_eq!(value("Cert=\"%3D\";Chain=\"a;b,c\"", "chain").as_deref(), Some("a;b,c"));
        assert!(XfccValue::compile("x").is_err());
    }
}
