//! What the user or the system asks of a running demo.

/// Ends when the demo is asked to end.
pub async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a handler the signal itself ends the process.
        std::future::pending::<()>().await;
    }
}

/// SIGHUP, by which services are asked to read their files again.
#[derive(Debug)]
pub struct Hangups(#[cfg(unix)] Option<tokio::signal::unix::Signal>);

impl Hangups {
    /// Listens from now on, when there are files to read again: else the signal ends the demo, as when its terminal is
    /// closed.
    #[cfg(unix)]
    pub fn listen(wanted: bool) -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self(if wanted { signal(SignalKind::hangup()).ok() } else { None })
    }

    /// There is no such signal here.
    #[cfg(not(unix))]
    pub fn listen(_: bool) -> Self {
        Self()
    }

    /// The next one.
    pub async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.0
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}
