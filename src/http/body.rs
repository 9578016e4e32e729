//! The body of a response, whose end is the end of the span.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use http::header::CONTENT_LENGTH;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Buf;
use pin_project_lite::pin_project;

use super::call::Call;

pin_project! {
    /// The body of a response, within the span of its request, which ends with it.
    #[derive(Debug)]
    pub struct ResponseBody<B>
    where
        B: Body,
    {
        #[pin]
        inner: B,
        // `None` once the end is known.
        call: Option<Call>,
        // Bytes to come, when the headers say, and nothing comes behind them.
        left: Option<u64>,
    }

    impl<B> PinnedDrop for ResponseBody<B>
    where
        B: Body,
    {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Some(call) = this.call {
                call.abandon();
            }
        }
    }
}

impl<B: Body> ResponseBody<B> {
    /// The response with its body within the span, which ends now when nothing will follow.
    pub(super) fn of(response: Response<B>, call: Option<Call>) -> Response<Self> {
        let (parts, inner) = response.into_parts();
        let length = || parts.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
        // Where trailers say how it went, data of the length announced is not the end.
        let left = if call.as_ref().is_some_and(Call::awaits_trailers) { None } else { length() };
        let goes_on = |mut call: Call| {
            let has_body = call.headers(&parts) && !inner.is_end_stream() && left != Some(0);
            if !has_body {
                call.end();
            }
            has_body.then_some(call)
        };
        let call = call.and_then(goes_on);
        Response::from_parts(parts, Self { inner, call, left })
    }
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let mut this = self.project();
        let Some(call) = this.call else { return this.inner.poll_frame(context) };
        let polled = ready!(call.within(|| this.inner.as_mut().poll_frame(context)));
        let has_ended = match &polled {
            None => true,
            Some(Err(_)) => {
                call.error::<B::Error>();
                *this.call = None;
                return Poll::Ready(polled);
            }
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    call.trailers(trailers);
                }
                if let (Some(left), Some(data)) = (&mut *this.left, frame.data_ref()) {
                    *left = left.saturating_sub(data.remaining() as u64);
                }
                // Who sends it may know by then that there is no more, and not ask again.
                *this.left == Some(0) || this.inner.is_end_stream()
            }
        };
        if has_ended {
            call.end();
            *this.call = None;
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
