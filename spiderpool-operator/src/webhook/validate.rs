//! Whether an edit is admitted.

use serde::de::DeserializeOwned;
use serde_json::Value;
use spiderpool_core::{
    admin::{AdminError, Before, Editor, Mode},
    alloc::Allocator,
    api::{ObjectMeta, SpiderIPPool, SpiderReservedIP, SpiderSubnet},
    name::ObjectName,
    store::Token,
};

use super::{
    Admission, Deletions, Judge,
    review::{Operation, Refusal, Request},
};

/// Judges an edit; the warnings that go with a yes. Cost and effects: those of the allocator's reviews; a dry run has none.
pub(super) async fn judge(admission: &Admission, request: &Request) -> Result<Vec<String>, Refusal> {
    let Some(Judge { allocator, deletions }) = admission.judge() else {
        return Err(Refusal {
            code: 503,
            reason: "ServiceUnavailable",
            message:
                "spiderpool-controller has just been started and does not know the addresses yet: try again"
                    .into(),
        });
    };
    if admission.editor(request) == Editor::Controller {
        return Ok(Vec::new());
    }
    let mode = if request.dry_run == Some(true) { Mode::DryRun } else { Mode::Real };
    match (request.kind.kind.as_str(), request.operation) {
        ("SpiderIPPool", Operation::Create | Operation::Update) => {
            let (old, new) = (previous::<SpiderIPPool>(request)?, read::<SpiderIPPool>(&request.object)?);
            let before = before(old.as_ref(), |pool| &pool.metadata);
            allocator.review_pool(before, &new, mode).await.map_err(refused)?;
            Ok(Vec::new())
        }
        ("SpiderSubnet", Operation::Create | Operation::Update) => {
            let (old, new) = (previous::<SpiderSubnet>(request)?, read::<SpiderSubnet>(&request.object)?);
            let before = before(old.as_ref(), |subnet| &subnet.metadata);
            allocator.review_subnet(before, &new).await.map_err(refused)?;
            Ok(Vec::new())
        }
        ("SpiderReservedIP", Operation::Create | Operation::Update) => {
            let (old, new) =
                (previous::<SpiderReservedIP>(request)?, read::<SpiderReservedIP>(&request.object)?);
            let before = before(old.as_ref(), |reservation| &reservation.metadata);
            allocator.review_reservation(before, &new, mode).await.map_err(refused)
        }
        (kind, Operation::Delete) if deletions == Deletions::Guarded => {
            deletion(&allocator, kind, &request.name).await
        }
        _ => Ok(Vec::new()),
    }
}

async fn deletion(allocator: &Allocator, kind: &str, name: &str) -> Result<Vec<String>, Refusal> {
    let name = ObjectName::new(name).map_err(AdminError::Name).map_err(refused)?;
    let done = match kind {
        "SpiderIPPool" => allocator.review_pool_deletion(&name).await,
        "SpiderSubnet" => allocator.review_subnet_deletion(&name).await,
        _ => Ok(()),
    };
    done.map(|()| Vec::new()).map_err(refused)
}

fn read<T: DeserializeOwned>(object: &Value) -> Result<T, Refusal> {
    serde_json::from_value(object.clone()).map_err(|error| Refusal {
        code: 422,
        reason: "Invalid",
        message: format!("the object cannot be read: {error}"),
    })
}

fn previous<T: DeserializeOwned>(request: &Request) -> Result<Option<T>, Refusal> {
    match request.operation {
        Operation::Update => read(&request.old_object).map(Some),
        _ => Ok(None),
    }
}

/// The object as it is, with the token that the API server will compare.
fn before<T>(old: Option<&T>, meta: impl Fn(&T) -> &ObjectMeta) -> Before<'_, T> {
    let old = old?;
    let revision = meta(old).resource_version.clone().unwrap_or_default();
    Some((old, Token::new(revision)))
}

fn refused(error: AdminError) -> Refusal {
    let (code, reason) = match &error {
        // As the API server itself would say it: clients go by the reason.
        error if error.exists_already() => (409, "AlreadyExists"),
        AdminError::Invalid { .. } | AdminError::Name(_) => (422, "Invalid"),
        error if error.may_pass() => (503, "ServiceUnavailable"),
        AdminError::Store(_) => (500, "InternalError"),
        _ => (403, "Forbidden"),
    };
    Refusal { code, reason, message: error.to_string() }
}
