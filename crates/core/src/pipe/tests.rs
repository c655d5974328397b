use std::io;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use super::Pipe;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

fn write(pipe: &Pipe, bytes: &[u8]) -> Poll<io::Result<usize>> {
    pipe.poll_write(&Context::from_waker(Waker::noop()), [bytes].into_iter())
}

fn read(pipe: &Pipe, room: usize) -> io::Result<Vec<u8>> {
    let mut buffer = Vec::with_capacity(room);
    pipe.read(&mut buffer).map(|_| buffer)
}

#[test]
fn bytes_go_both_ways_in_order() {
    let (a, b) = Pipe::pair(100);
    assert!(matches!(write(&a, b"one "), Poll::Ready(Ok(4))));
    assert!(matches!(write(&a, b"two"), Poll::Ready(Ok(3))));
    assert!(matches!(write(&b, b"back"), Poll::Ready(Ok(4))));
    let cx = Context::from_waker(Waker::noop());
    let mut seen = [0; 5];
    assert_eq!((b.poll_peek(&cx, &mut seen, 4), &seen), (Poll::Ready(5), b"one t"));
    assert_eq!(b.poll_peek(&cx, &mut seen, 5), Poll::Pending);
    assert_eq!(read(&b, 100).unwrap(), b"one two");
    let mut slice = [0; 2];
    assert_eq!((a.read_slice(&mut slice).unwrap(), &slice), (2, b"ba"));
    assert_eq!(read(&a, 100).unwrap(), b"ck");
    assert_eq!(read(&a, 100).unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn a_writer_waits_until_half_of_the_limit_is_free() {
    let (a, b) = Pipe::pair(10);
    assert!(matches!(write(&a, &[1; 16]), Poll::Ready(Ok(10))));
    let count = Arc::new(Count::default());
    let waker = Waker::from(count.clone());
    let cx = Context::from_waker(&waker);
    assert!(a.poll_write(&cx, [&b"x"[..]].into_iter()).is_pending());
    b.read_slice(&mut [0; 4]).unwrap();
    assert!(a.poll_write(&cx, [&b"x"[..]].into_iter()).is_pending());
    assert_eq!(count.0.load(Relaxed), 0);
    b.read_slice(&mut [0; 1]).unwrap();
    assert_eq!(count.0.load(Relaxed), 1);
    let pieces = [&b"abc"[..], &b"defg"[..]];
    assert!(matches!(a.poll_write(&cx, pieces.into_iter()), Poll::Ready(Ok(5))));
}

#[test]
fn one_side_may_end_before_the_other() {
    let (a, b) = Pipe::pair(10);
    let count = Arc::new(Count::default());
    let waker = Waker::from(count.clone());
    let cx = Context::from_waker(&waker);
    assert!(b.poll_read_ready(&cx).is_pending());
    assert!(matches!(write(&a, b"bye"), Poll::Ready(Ok(3))));
    a.shutdown().unwrap();
    assert_eq!(count.0.load(Relaxed), 1);
    assert_eq!(b.poll_peek(&cx, &mut [0; 9], 2), Poll::Ready(3));
    assert_eq!(b.poll_peek(&cx, &mut [0; 9], 3), Poll::Ready(0));
    assert_eq!(read(&b, 10).unwrap(), b"bye");
    assert_eq!(read(&b, 10).unwrap(), b"");
    assert!(matches!(write(&a, b"x"), Poll::Ready(Err(_))));
    assert!(matches!(write(&b, b"answer"), Poll::Ready(Ok(6))));
    assert_eq!(read(&a, 10).unwrap(), b"answer");
}

#[test]
fn an_end_that_goes_leaves_what_it_wrote_and_takes_no_more() {
    let (a, b) = Pipe::pair(4);
    assert!(matches!(write(&a, b"last"), Poll::Ready(Ok(4))));
    assert!(matches!(write(&b, b"full"), Poll::Ready(Ok(4))));
    let count = Arc::new(Count::default());
    let waker = Waker::from(count.clone());
    assert!(b.poll_write(&Context::from_waker(&waker), [&b"x"[..]].into_iter()).is_pending());
    drop(a);
    assert_eq!(count.0.load(Relaxed), 1);
    assert!(matches!(write(&b, b"x"), Poll::Ready(Err(_))));
    assert!(!b.is_over());
    assert_eq!(read(&b, 10).unwrap(), b"last");
    assert_eq!(read(&b, 10).unwrap(), b"");
    assert!(b.is_over());
    assert!(b.shutdown().is_err());
}
