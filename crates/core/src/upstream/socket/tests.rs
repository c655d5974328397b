use std::path::PathBuf;

use tokio::net::{TcpListener, UnixListener};

use super::{connect, ConnectOptions, SocketError, SocketOption};
use crate::address::Address;
use crate::proto::{self, socket_option::Value};
use crate::transport::Transport;
use crate::upstream::testing::{listen, run};

/// A path that no other test uses.
fn socket_path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("lateen-{}-{name}.sock", std::process::id()))
}

async fn failure(address: Address, options: &ConnectOptions) -> Option<SocketError> {
    connect(&address, options).await.err()
}

#[test]
fn tcp_sockets_have_the_options_of_their_cluster() {
    run(|_| async {
        let (_listener, address) = listen().await;
        let option = |level, name, number| SocketOption {
            level,
            name,
            value: Some(Value::IntValue(number)),
        };
        let keepalive = proto::TcpKeepalive { probes: 4, time_s: 70, interval_s: 8 };
        let options = ConnectOptions {
            keepalive: Some(keepalive),
            bind_source: Some(([127, 0, 0, 9], 0).into()),
            extra_bind_source: None,
            options: [option(libc::IPPROTO_IP, libc::IP_TOS, 8)].into(),
        };
        let opened = connect(&address.into(), &options).await.unwrap();
        let local = opened.local.and_then(|local| local.ip());
        assert_eq!(local.map(|local| local.ip().to_string()), Some("127.0.0.9".into()));
        let Transport::Tcp(stream) = &opened.transport else { unreachable!("it is TCP") };
        let socket = socket2::SockRef::from(stream);
        assert!(socket.tcp_nodelay().unwrap() && socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap().as_secs(), 70);
        assert_eq!(socket.tcp_keepalive_interval().unwrap().as_secs(), 8);
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 4);
        assert_eq!(socket.tos_v4().unwrap(), 8);
    });
}

#[test]
fn unix_sockets_by_path_and_by_abstract_name() {
    run(|_| async {
        let path = socket_path("path");
        let _listener = UnixListener::bind(&path).unwrap();
        let address = Address::Pipe(path.clone().into());
        let opened = connect(&address, &ConnectOptions::default()).await;
        assert!(opened.is_ok_and(|opened| opened.local.is_none()));
        std::fs::remove_file(&path).unwrap();

        let name = format!("lateen-test-{}", std::process::id());
        let _listener = UnixListener::bind(format!("\0{name}")).unwrap();
        let address = Address::Pipe(PathBuf::from(format!("@{name}")).into());
        assert!(connect(&address, &ConnectOptions::default()).await.is_ok());
    });
}

#[test]
fn reasons_of_failures_are_envoys() {
    run(|_| async {
        let (listener, address) = listen().await;
        drop(listener);
        let options = ConnectOptions::default();
        let refused = "delayed connect error: Connection refused";
        let found = failure(address.into(), &options).await;
        assert_eq!(found, Some(SocketError::Remote(refused.into())));

        let path = socket_path("missing");
        let missing = format!(
            "immediate connect error: No such file or directory|remote address:{}",
            path.display()
        );
        let found = failure(Address::Pipe(path.into()), &options).await;
        assert_eq!(found, Some(SocketError::Remote(missing)));

        let (_listener, address) = listen().await;
        let options = ConnectOptions {
            bind_source: Some(([192, 0, 2, 9], 0).into()),
            ..ConnectOptions::default()
        };
        let bind = "failed to bind to 192.0.2.9:0: Cannot assign requested address";
        let found = failure(address.into(), &options).await;
        assert_eq!(found, Some(SocketError::Bind(bind.into())));
    });
}

#[test]
fn an_option_that_the_system_refuses_fails_the_connection() {
    run(|_| async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let option = SocketOption { level: -1, name: -1, value: Some(Value::BufValue(vec![1])) };
        let options = ConnectOptions { options: [option].into(), ..ConnectOptions::default() };
        let found = failure(listener.local_addr().unwrap().into(), &options).await;
        assert!(matches!(found, Some(SocketError::Local(_))), "{found:?}");
    });
}
