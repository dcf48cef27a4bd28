//! A check that hangs is a failure, not a hanging test.

use std::pin::pin;

use futures_util::future::{Either, select};

use super::{Failure, Harness};

/// The outcome of `check`, or a failure once the harness' patience is over.
pub(super) async fn within<T>(
    harness: &dyn Harness,
    check: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let patience = harness.patience();
    match select(pin!(check), harness.env().timer.sleep(patience)).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right(((), _)) => Err(Failure::new(format!("no end within {patience:?}"))),
    }
}
