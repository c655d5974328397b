//! A line of JSON about what happens to a host's health: envoy.data.core.v3.HealthCheckEvent.

use std::net::SocketAddr;
use std::time::SystemTime;

use serde_json::{json, Map, Value};

use super::state::{Event, Failure};
use crate::address::Address;
use crate::formatter::iso_time;
use crate::upstream::Host;

impl Event {
    /// The name of the field that says what happened, and what it has.
    fn details(self) -> (&'static str, Value) {
        match self {
            Self::Ejected(failure) => ("eject_unhealthy_event", of_failure(failure, None)),
            Self::Failed { failure, first } => {
                ("health_check_failure_event", of_failure(failure, Some(first)))
            }
            Self::Added { first } => ("add_healthy_event", json!({ "first_check": first })),
            Self::Passed => ("successful_health_check_event", json!({})),
            Self::Degraded => ("degraded_healthy_host", json!({})),
            Self::NoLongerDegraded => ("no_longer_degraded_host", json!({})),
        }
    }

    pub fn line(self, checker: &str, cluster: &str, host: &Host) -> Vec<u8> {
        let mut fields = Map::new();
        fields.insert("health_checker_type".into(), checker.into());
        fields.insert("host".into(), address(&host.address));
        fields.insert("cluster_name".into(), cluster.into());
        let (name, details) = self.details();
        fields.insert(name.into(), details);
        fields.insert("timestamp".into(), iso_time(SystemTime::now()).into());
        if let Some(metadata) = &host.metadata {
            let metadata = json!({ "filter_metadata": **metadata, "typed_filter_metadata": {} });
            fields.insert("metadata".into(), metadata);
        }
        let locality = &host.locality;
        let place = json!({
            "region": locality.region, "zone": locality.zone, "sub_zone": locality.sub_zone,
        });
        fields.insert("locality".into(), place);
        let mut line = Value::from(fields).to_string().into_bytes();
        line.push(b'\n');
        line
    }
}

fn of_failure(failure: Failure, first: Option<bool>) -> Value {
    let mut fields = Map::new();
    fields.insert("failure_type".into(), failure.kind.name().into());
    if let Some(first) = first {
        fields.insert("first_check".into(), first.into());
    }
    fields.insert("http_status_code".into(), failure.status.into());
    Value::from(fields)
}

fn address(address: &Address) -> Value {
    match address {
        Address::Ip(ip) => socket_address(*ip),
        Address::Pipe(path) => json!({ "pipe": { "path": path.display().to_string(), "mode": 0 } }),
        Address::Internal(internal) => json!({ "envoy_internal_address": {
            "server_listener_name": &*internal.listener, "endpoint_id": &*internal.endpoint_id,
        } }),
    }
}

fn socket_address(ip: SocketAddr) -> Value {
    json!({ "socket_address": {
        "protocol": "TCP",
        "address": ip.ip().to_string(),
        "port_value": ip.port(),
        "resolver_name": "",
        "ipv4_compat": false,
        "network_namespace_filepath": "",
    } })
}
