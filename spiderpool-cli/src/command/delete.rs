//! `delete`.

use spiderpool_core::{
    admin::{Deletion, Mode},
    api::manifest::Object,
    store::{Key, Selector},
};

use super::{
    get::namespace,
    outcome::{Done, admin_failure},
};
use crate::{
    answer::Answer,
    args::{DeleteArgs, Format},
    failure::Failure,
    kinds::{KindName, reference},
    manifest,
    session::{Session, store_failure},
};

/// Deletes objects by name, or those that files describe.
pub(super) async fn delete(session: &Session, args: &DeleteArgs, format: Format) -> Result<Answer, Failure> {
    let mode = if args.dry_run { Mode::DryRun } else { Mode::Real };
    let deletion = if args.terminate { Deletion::Terminate } else { Deletion::Guarded };
    let allocator = session.allocator().await?;
    let mut done = Done::new(mode);
    for (name, key) in keys(session, args).await? {
        match key {
            Ok(key) => match allocator.delete(&key, deletion, mode).await {
                Ok(applied) => done.add(name, &applied),
                Err(error) => done.fail(name, admin_failure(error)),
            },
            Err(failure) => done.fail(name, failure),
        }
    }
    done.answer(format)
}

/// What to delete: how it is called, and its key. What uses pools goes before them.
async fn keys(session: &Session, args: &DeleteArgs) -> Result<Vec<(String, Result<Key, Failure>)>, Failure> {
    let place = namespace(&args.namespace.namespace)?;
    if let Some(kind) = &args.kind {
        if args.names.is_empty() {
            return Err(Failure::usage(format!("which {kind}? No name is given"))
                .remedy(format!("spiderpoolctl delete {kind} NAME")));
        }
        let named = KindName::read(kind);
        let listing = session.store().list(&Selector::Kind(named.stored())).await.map_err(store_failure)?;
        named.check(kind, listing.items.iter().map(|item| &item.key))?;
        let keys = args.names.iter().map(|name| {
            let existing = listing.items.iter().map(|item| &item.key);
            (format!("{kind}/{name}"), named.key(place.as_str(), name, existing))
        });
        return Ok(keys.collect());
    }
    let mut objects: Vec<Object> =
        manifest::read(&args.files)?.into_iter().map(|manifest| manifest.object).collect();
    objects.reverse();
    let keys = objects.into_iter().map(|mut object| {
        object.place_in(&place);
        (reference(&object), object.key().map_err(|error| Failure::usage(error.to_string())))
    });
    Ok(keys.collect())
}
