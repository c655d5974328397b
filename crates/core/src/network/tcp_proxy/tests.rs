use std::future::poll_fn;
use std::task::Poll;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::flow::Flow;
use super::TcpProxyConfig;
use crate::access_log::Sinks;
use crate::proto::{self, weighted_cluster::Specifier};
use crate::random::Random;
use crate::stats::Registry;
use crate::transport::Transport;

fn compile(clusters: &[(&str, u32)]) -> crate::compile::Result<TcpProxyConfig> {
    let cluster = |(name, weight): &(&str, u32)| proto::WeightedCluster {
        specifier: Some(Specifier::Name((*name).into())),
        weight: *weight,
        ..Default::default()
    };
    let clusters = clusters.iter().map(cluster).collect();
    let message = proto::TcpProxy { clusters, ..Default::default() };
    let registry = std::sync::Arc::new(Registry::default());
    let sinks = Sinks::start(std::time::Duration::from_secs(1), &registry, 1).unwrap();
    let config = TcpProxyConfig::compile(&message, &sinks);
    sinks.shutdown();
    config
}

#[test]
fn clusters_are_chosen_by_their_weights() {
    let config = compile(&[("none", 0), ("one", 1), ("three", 3)]).unwrap();
    let random = Random::seeded(3);
    let mut chosen = std::collections::HashMap::new();
    for _ in 0..4000 {
        *chosen.entry(config.choose_cluster(&random).name.to_string()).or_insert(0) += 1;
    }
    assert_eq!(chosen.get("none"), None);
    assert!((800..1200).contains(&chosen["one"]), "{chosen:?}");
    assert_eq!(chosen["one"] + chosen["three"], 4000);
}

#[test]
fn a_proxy_needs_a_cluster() {
    assert!(compile(&[]).is_err());
    assert!(compile(&[("a", 0)]).is_err());
}

/// Two ends of a connection: what a flow has, and its peer.
async fn pair() -> (Transport, TcpStream) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (Transport::Tcp(listener.accept().await.unwrap().0), peer)
}

/// Lets a flow move until it cannot or its end was passed on.
async fn settle(flow: &mut Flow, source: &mut Transport, sink: &mut Transport) {
    poll_fn(|cx| {
        while !flow.finished {
            match flow.poll_step(source, sink, cx) {
                Poll::Ready(moved) => drop(moved.unwrap()),
                Poll::Pending => break,
            }
        }
        Poll::Ready(())
    })
    .await;
}

#[tokio::test]
async fn a_flow_stops_reading_at_its_limit_and_goes_on_at_half_of_it() {
    let ((mut source, mut client), (mut sink, mut server)) = (pair().await, pair().await);
    let mut flow = Flow::new(200_000);
    let sending = tokio::spawn(async move {
        client.write_all(&vec![7; 50_000_000]).await.unwrap();
    });
    while !flow.paused {
        settle(&mut flow, &mut source, &mut sink).await;
        tokio::task::yield_now().await;
    }
    assert!((200_000..300_000).contains(&flow.waiting()), "{}", flow.waiting());
    let (mut taken, mut storage) = (0, vec![0; 1 << 16]);
    while flow.paused {
        assert!(flow.waiting() > 100_000);
        taken += tokio::select! {
            count = server.read(&mut storage) => count.unwrap(),
            () = tokio::time::sleep(std::time::Duration::from_millis(1)) => 0,
        };
        settle(&mut flow, &mut source, &mut sink).await;
    }
    assert!(taken > 0);
    sending.abort();
}

#[tokio::test]
async fn a_flow_passes_on_all_bytes_and_the_end() {
    let ((mut source, mut client), (mut sink, mut server)) = (pair().await, pair().await);
    let mut flow = Flow::new(10);
    client.write_all(b"one two three four").await.unwrap();
    client.shutdown().await.unwrap();
    while !flow.finished {
        settle(&mut flow, &mut source, &mut sink).await;
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let mut got = Vec::new();
    server.read_to_end(&mut got).await.unwrap();
    assert_eq!(got, b"one two three four");
}
