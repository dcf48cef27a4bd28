//! Admission: what the API server asks before it persists an edit of a pool, a Subnet or a reservation.
//!
//! Every replica answers. What needs one object alone stands in the definitions; here is what needs other objects, the
//! order of addresses, or what is held. An answer that is no is complete: every violation with its field.

mod certificate;
mod listener;
mod mutate;
mod review;
mod validate;

pub use certificate::{CertificateError, CertificateFiles, Certificates, SelfSigned};
pub use listener::TlsListener;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State},
    routing::{get, post},
};
use parking_lot::RwLock;
use review::{Answer, Request, Review};
use spiderpool_core::{admin::Editor, alloc::Allocator};

/// What the webhook needs to know.
#[derive(Clone, Debug)]
pub struct Admission {
    /// Not there before the store is open: until then every edit is refused for now. Exchanged when settings change.
    pub judge: Arc<RwLock<Option<Judge>>>,
    /// The user that the controller itself is: its edits claim and take out what they need themselves.
    pub own_user: Arc<str>,
}

/// By what edits are judged.
#[derive(Clone, Debug)]
pub struct Judge {
    /// What knows the addresses.
    pub allocator: Allocator,
    /// Whether pools and Subnets may be told to go while they are in use.
    pub deletions: Deletions,
}

impl Admission {
    fn judge(&self) -> Option<Judge> {
        self.judge.read().clone()
    }

    fn editor(&self, request: &Request) -> Editor {
        match *request.user_info.username == *self.own_user {
            true => Editor::Controller,
            false => Editor::Person,
        }
    }
}

/// What becomes of the deletion of a pool or Subnet that is in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Deletions {
    /// It terminates, and goes with its last address.
    #[default]
    Terminate,
    /// It is refused.
    Guarded,
}

/// The largest question, in bytes: two objects of the largest size that etcd takes, and what is around them.
const LARGEST: usize = 8 << 20;

/// The kinds, as they stand in paths.
const KINDS: [&str; 3] = ["spiderippool", "spidersubnet", "spiderreservedip"];

/// The paths, upstream's.
pub fn router(admission: Admission) -> Router {
    let mut router = Router::new().route("/webhook-health-check", get(|| async { "ok\n" }));
    for kind in KINDS {
        let path = |what: &str| format!("/{what}-spiderpool-spidernet-io-v2beta1-{kind}");
        router = router.route(&path("mutate"), post(mutate)).route(&path("validate"), post(validate));
    }
    router.layer(DefaultBodyLimit::max(LARGEST)).with_state(admission)
}

async fn mutate(State(admission): State<Admission>, Json(review): Json<Review>) -> Json<Answer> {
    let request = review.request;
    let judge = admission.judge();
    // What cannot be filled in is left to the validation, which says why.
    let patch = match judge {
        Some(judge) => mutate::patch(&judge.allocator, &request, admission.editor(&request)).await,
        None => None,
    };
    Json(Answer::patched(request.uid, patch))
}

async fn validate(State(admission): State<Admission>, Json(review): Json<Review>) -> Json<Answer> {
    let request = review.request;
    Json(match validate::judge(&admission, &request).await {
        Ok(warnings) => Answer::yes(request.uid, warnings),
        Err(refusal) => {
            let user = &request.user_info.username;
            tracing::info!(
                kind = request.kind.kind, name = request.name, operation = ?request.operation, user,
                reason = refusal.message, "refused"
            );
            Answer::no(request.uid, refusal)
        }
    })
}
