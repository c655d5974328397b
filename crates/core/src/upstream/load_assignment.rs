//! The fast path of EDS: a ClusterLoadAssignment as it came, if nothing in it is out of the ordinary.
//!
//! Control planes send endpoints by the hundred thousand, and nearly all of them are an IP address, a
//! port, a weight and a health. This reads exactly that. Anything else, and any value that Envoy's rules
//! refuse, is an error, and then the main thread compiles the message and says what is wrong with it.
//! Fields: envoy/config/endpoint/v3/endpoint.proto, endpoint_components.proto.

use prost::bytes::Buf;
use prost::encoding::{decode_key, decode_varint, WireType};

use crate::compile::{CompileError, Result};
use crate::proto::{self, address::Kind, Endpoint, Endpoints, Locality};

const MAX_PRIORITY: u64 = 128;
const HEALTHS: u64 = 6;

/// One field: its number and its value.
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn odd<T>(what: &str) -> Result<T> {
    Err(CompileError::new(format!("not plain: {what}")))
}

/// Calls `take` for each field of a message.
fn fields<'a>(
    mut data: &'a [u8],
    mut take: impl FnMut(u32, Value<'a>) -> Result<()>,
) -> Result<()> {
    let broken = |_| CompileError::new("not a message");
    while data.has_remaining() {
        let (number, wire) = decode_key(&mut data).map_err(broken)?;
        match wire {
            WireType::Varint => {
                take(number, Value::Number(decode_varint(&mut data).map_err(broken)?))?
            }
            WireType::LengthDelimited => {
                let length = decode_varint(&mut data).map_err(broken)?;
                let Some((value, rest)) =
                    usize::try_from(length).ok().and_then(|length| data.split_at_checked(length))
                else {
                    return odd("a truncated message");
                };
                data = rest;
                take(number, Value::Bytes(value))?;
            }
            _ => return odd("a fixed-size field"),
        }
    }
    Ok(())
}

fn text(value: &[u8]) -> Result<String> {
    match std::str::from_utf8(value) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => odd("text that is not UTF-8"),
    }
}

/// The value of a UInt32Value that has one; 0 is what rules refuse.
fn wrapped(data: &[u8]) -> Result<u32> {
    let mut found = 0;
    fields(data, |number, value| match (number, value) {
        (1, Value::Number(value)) if value > 0 => {
            found = u32::try_from(value).map_err(|_| CompileError::new("a number over 32 bits"))?;
            Ok(())
        }
        _ => odd("a number"),
    })?;
    match found {
        0 => odd("the number 0"),
        found => Ok(found),
    }
}

/// The endpoints of a plain ClusterLoadAssignment; `cluster` of the result is its cluster_name.
///
/// # Errors
/// It is not plain; nothing more is said of it.
pub fn compile(assignment: &[u8]) -> Result<Endpoints> {
    let mut endpoints = Endpoints::default();
    fields(assignment, |number, value| match (number, value) {
        (1, Value::Bytes(name)) => {
            endpoints.cluster = text(name)?;
            Ok(())
        }
        (2, Value::Bytes(data)) => {
            endpoints.localities.push(locality(data)?);
            Ok(())
        }
        _ => odd("a field of the assignment"),
    })?;
    match endpoints.cluster.is_empty() {
        true => odd("no cluster_name"),
        false => Ok(endpoints),
    }
}

fn locality(data: &[u8]) -> Result<Locality> {
    let mut out = Locality::default();
    fields(data, |number, value| {
        match (number, value) {
            (1, Value::Bytes(data)) => place(data, &mut out)?,
            (2, Value::Bytes(data)) => out.endpoints.push(lb_endpoint(data)?),
            (3, Value::Bytes(data)) => out.weight = Some(wrapped(data)?),
            (5, Value::Number(priority)) if priority <= MAX_PRIORITY => {
                out.priority = priority as u32;
            }
            _ => return odd("a field of a locality"),
        }
        Ok(())
    })?;
    Ok(out)
}

fn place(data: &[u8], out: &mut Locality) -> Result<()> {
    fields(data, |number, value| match (number, value) {
        (1, Value::Bytes(name)) => text(name).map(|name| out.region = name),
        (2, Value::Bytes(name)) => text(name).map(|name| out.zone = name),
        (3, Value::Bytes(name)) => text(name).map(|name| out.sub_zone = name),
        _ => odd("a field of a locality's name"),
    })
}

fn lb_endpoint(data: &[u8]) -> Result<Endpoint> {
    let mut out = Endpoint { weight: 1, ..Endpoint::default() };
    fields(data, |number, value| {
        match (number, value) {
            (1, Value::Bytes(data)) => endpoint(data, &mut out)?,
            (2, Value::Number(health)) if health < HEALTHS => out.health = health as i32,
            (4, Value::Bytes(data)) => out.weight = wrapped(data)?,
            _ => return odd("a field of an endpoint"),
        }
        Ok(())
    })?;
    match out.address {
        Some(_) => Ok(out),
        None => odd("no address"),
    }
}

fn endpoint(data: &[u8], out: &mut Endpoint) -> Result<()> {
    fields(data, |number, value| match (number, value) {
        (1, Value::Bytes(data)) => fields(data, |number, value| match (number, value) {
            (1, Value::Bytes(data)) => socket_address(data).map(|socket| {
                let kind = Some(Kind::Socket(socket));
                out.address = Some(proto::Address { kind, ..proto::Address::default() });
            }),
            _ => odd("an address"),
        }),
        (3, Value::Bytes(name)) => text(name).map(|name| out.hostname = name),
        _ => odd("a field of an endpoint"),
    })
}

fn socket_address(data: &[u8]) -> Result<proto::SocketAddress> {
    let mut out = proto::SocketAddress::default();
    let mut has_port = false;
    fields(data, |number, value| {
        match (number, value) {
            (1, Value::Number(0)) => {}
            (2, Value::Bytes(host)) => out.host = text(host)?,
            (3, Value::Number(port)) if port <= u64::from(u16::MAX) => {
                out.port = port as u32;
                has_port = true;
            }
            _ => return odd("a field of a socket address"),
        }
        Ok(())
    })?;
    match has_port && out.host.parse::<std::net::IpAddr>().is_ok() {
        true => Ok(out),
        false => odd("no port, or no IP address"),
    }
}

#[cfg(test)]
mod tests;
