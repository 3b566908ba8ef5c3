//! What a guest writes to stdout or stderr, kept until its call ends.

use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use wasmtime_wasi::{
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamResult, pipe::MemoryOutputPipe},
};

/// Bytes kept of one call; more are dropped, for a log is no place for more.
const KEPT_BYTES: usize = 64 << 10;
/// What a guest is told it may write at once.
const PERMIT_BYTES: usize = 64 << 10;

/// One stream; clones share it.
#[derive(Clone, Default)]
pub(super) struct Output(Arc<Mutex<Vec<u8>>>);

impl Output {
    /// What was written since the last call.
    pub(super) fn take(&self) -> String {
        let bytes = mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = KEPT_BYTES.saturating_sub(kept.len());
        kept.extend(bytes.iter().take(room));
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT_BYTES)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Only WASI 0.3 would ask for it, and that is not linked.
        Box::new(MemoryOutputPipe::new(0))
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_bounded_and_taken_once() {
        let mut output = Output::default();
        for _ in 0..100 {
            output.clone().write(Bytes::from(vec![b'x'; 1_000])).unwrap();
        }
        assert_eq!(output.check_write().unwrap(), PERMIT_BYTES);
        assert_eq!(output.take().len(), KEPT_BYTES);
        assert_eq!(output.take(), "");
    }
}
