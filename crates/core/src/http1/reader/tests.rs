use std::future::poll_fn;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{Reader, RESPONSE_READ, SMALLEST_READ};
use crate::body::BodyEvent;
use crate::buffer::{borrow_storage, return_storage, Buffer};
use crate::http1::{BodyDecoder, BodyLength};
use crate::transport::Transport;
use crate::upstream::testing::{accept, listen, run};

const BODY: usize = 1 << 20;

/// Reads a body of `BODY` bytes whole; the most that was in the buffer at a time.
async fn most_buffered(limit: usize) -> usize {
    let (listener, address) = listen().await;
    let (near, mut far) = tokio::join!(TcpStream::connect(address), accept(&listener));
    let mut transport = Transport::Tcp(near.unwrap());
    tokio::task::spawn_local(async move { far.write_all(&[b'x'; BODY]).await });
    let mut reader = Reader::of_responses(Buffer::new(), limit);
    reader.decoder = BodyDecoder::new(BodyLength::Length(BODY as u64), 1 << 16, 100);
    let (mut most, mut whole) = (0, 0);
    while let BodyEvent::Data(count) =
        poll_fn(|cx| reader.poll_body(&mut transport, cx)).await.unwrap()
    {
        most = most.max(reader.bytes().len());
        whole += count;
        reader.took(count);
    }
    assert_eq!(whole, BODY);
    most
}

#[test]
fn no_more_is_read_than_the_connection_may_buffer() {
    run(|_| async {
        // Storage that was used for more must not be read into beyond the limit.
        let _ = borrow_storage();
        return_storage(Vec::with_capacity(4 * RESPONSE_READ));
        assert!(most_buffered(10_000).await <= 10_000);
        assert!(most_buffered(1).await <= SMALLEST_READ);
        assert!(most_buffered(1 << 20).await > 10_000);
    });
}
