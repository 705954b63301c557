//! Closing a connection whose client may still be sending. A socket closed with unread bytes is reset by the kernel, and the reset
//! can overtake the answer (RFC 9112 section 9.6): so our side is closed first and what still comes is read and thrown away, for a while.

use std::any::Any;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long, and how much. Not in the table of limits: this is about TCP's manners and adds nothing to what a client may use, because
/// the connection keeps its place in the number of open ones.
const TIME: Duration = Duration::from_secs(2);
const BYTES: usize = 16 << 20;

/// Closes `stream` in a task of its own; `held` is dropped with it.
pub(crate) fn spawn(mut stream: TcpStream, held: impl Any + Send) {
    // Without a runtime the process is ending, and the kernel may close as it likes.
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return;
    };
    runtime.spawn(async move {
        let _ = timeout(TIME, async {
            stream.shutdown().await?;
            let mut scrap = vec![0; 16 << 10];
            let mut left = BYTES;
            while left > 0 {
                match stream.read(&mut scrap).await? {
                    0 => break,
                    read => left = left.saturating_sub(read),
                }
            }
            std::io::Result::Ok(())
        })
        .await;
        drop(held);
    });
}
