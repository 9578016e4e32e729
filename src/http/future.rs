//! A response under way.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use super::ResponseBody;
use super::call::Call;

pin_project! {
    /// The future of [`Server`](super::Server) and [`Client`](super::Client): the service's own, within its span.
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        // Goes as soon as it is ready, within the span, as what it holds may write to it.
        #[pin]
        inner: Option<F>,
        call: Option<Call>,
    }

    impl<F> PinnedDrop for ResponseFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(call) = this.call {
                call.leave(|| this.inner.set(None));
            }
        }
    }
}

impl<F> ResponseFuture<F> {
    /// `None` when nobody wants a span of this request.
    pub(super) fn new(inner: F, call: Option<Call>) -> Self {
        Self { inner: Some(inner), call }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        // Polled again after it was ready, which nobody should: there is nothing to come.
        let Some(inner) = this.inner.as_mut().as_pin_mut() else { return Poll::Pending };
        let Some(call) = this.call else {
            return inner.poll(context).map_ok(|response| ResponseBody::of(response, None));
        };
        let result = ready!(call.within(|| inner.poll(context)));
        call.within(|| this.inner.set(None));
        if result.is_err() {
            call.error::<E>();
        }
        let call = this.call.take();
        Poll::Ready(result.map(|response| ResponseBody::of(response, call)))
    }
}
