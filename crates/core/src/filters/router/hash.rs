//! What of a request decides its host, where the cluster hashes.

use crate::hash_policy::HashSubject;
use crate::headers::Headers;
use crate::http::stream_info::StreamInfo;
use crate::route::Forward;
use crate::upstream::Cluster;

/// By the policies of the cluster's load balancer, else of its protocol options, else of the route. None:
/// the cluster does not hash, or the request has nothing that is asked for. Set-Cookie values that its
/// client is to get are in `cookies` afterwards.
pub fn hash(
    cluster: &Cluster,
    route: &Forward,
    request: &Headers,
    info: &StreamInfo,
    cookies: &mut Vec<Vec<u8>>,
) -> Option<u64> {
    let of_cluster = cluster.config().hash_policies.as_ref()?;
    let subject = HashSubject {
        headers: Some(request),
        remote: &info.remote,
        cookie_remote: &info.connection.remote,
        info,
    };
    if let Some(policies) = &of_cluster.of_balancer {
        return policies.balancer_hash(&subject, cookies);
    }
    let policies = of_cluster.of_protocol.as_ref().or(route.hash_policy.as_ref())?;
    policies.hash(&subject, cookies)
}
