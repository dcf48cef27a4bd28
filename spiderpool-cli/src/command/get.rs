//! `get`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use spiderpool_core::{
    api::{SpiderEndpoint, manifest::Object},
    inspect::ALLOCATED_IPS_SHOWN,
    name::Namespace,
    store::{Key, Kind, Selector, Versioned},
};

use crate::{
    answer::Answer,
    args::{Format, GetArgs, NamespaceArgs},
    failure::{Exit, Failure},
    kinds::{KindName, LabelFilter, Rows, internal_name, reference, table},
    output::Table,
    session::{Session, store_failure},
};

/// Lists objects.
pub(super) async fn get(session: &Session, args: &GetArgs, format: Format) -> Result<Answer, Failure> {
    let kind = KindName::read(&args.kind);
    if let KindName::Own(Kind::Block | Kind::Plan | Kind::Scope) = kind {
        return internal(session, &kind, args, format).await;
    }
    let filter = args.selector.as_deref().map(LabelFilter::read).transpose()?;
    let mut objects = list(session, &kind, &args.kind, &args.namespace).await?;
    if let Some(filter) = &filter {
        objects.retain(|object| filter.matches(&object.metadata().labels));
    }
    let mut missing = Vec::new();
    if !args.names.is_empty() {
        let there: BTreeSet<&str> = objects.iter().map(|object| object.metadata().name.as_str()).collect();
        missing = args.names.iter().filter(|name| !there.contains(name.as_str())).cloned().collect();
        objects.retain(|object| args.names.contains(&object.metadata().name));
    }
    let mut answer = show(session, &objects, args, format).await?;
    if objects.is_empty() && missing.is_empty() {
        let place = match &kind {
            KindName::Own(Kind::Pool | Kind::Subnet | Kind::Reservation) => String::new(),
            _ if args.namespace.all_namespaces => String::new(),
            _ => format!(" in namespace {}", args.namespace.namespace),
        };
        answer = answer.note(format!("no {} found{place}", args.kind));
    }
    for name in missing {
        answer = answer.note(format!("error: {} {name} does not exist", args.kind));
        answer.exit = Some(Exit::NotFound);
    }
    Ok(answer)
}

/// The objects of `kind`, which was `typed` like this, in one namespace or all.
pub(super) async fn list(
    session: &Session,
    kind: &KindName,
    typed: &str,
    place: &NamespaceArgs,
) -> Result<Vec<Object>, Failure> {
    let inspect = session.inspect().await?;
    let selector = Selector::Kind(kind.stored());
    let objects = inspect.objects(&selector, ALLOCATED_IPS_SHOWN).await.map_err(store_failure)?;
    let keys: Vec<Key> = objects.iter().filter_map(|object| object.key().ok()).collect();
    kind.check(typed, keys.iter())?;
    let namespace = (!place.all_namespaces).then_some(place.namespace.as_str());
    let here = |object: &Object| {
        let own = object.metadata().namespace.as_deref();
        !object.is_namespaced() || namespace.is_none_or(|wanted| own.unwrap_or("default") == wanted)
    };
    Ok(objects.into_iter().filter(|object| kind.is(object) && here(object)).collect())
}

/// Several objects, as kubectl prints them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'a> {
    api_version: &'static str,
    kind: &'static str,
    items: &'a [Object],
}

async fn show(
    session: &Session,
    objects: &[Object],
    args: &GetArgs,
    format: Format,
) -> Result<Answer, Failure> {
    match format {
        Format::Json | Format::Yaml => match objects {
            [object] if args.names.len() == 1 => Answer::data(object, format),
            items => Answer::data(&List { api_version: "v1", kind: "List", items }, format),
        },
        Format::Name => Ok(Answer::text(objects.iter().map(reference).collect::<Vec<_>>().join("\n"))),
        Format::Table | Format::Wide if objects.is_empty() => Ok(Answer::default()),
        Format::Table | Format::Wide => {
            let pods = matches!(&objects[0], Object::Resource(resource) if resource.kind == "Pod");
            let endpoints =
                if pods && format == Format::Wide { endpoints(session).await? } else { BTreeMap::new() };
            let now = session.env().clock.now();
            let rows = Rows { format, namespaces: args.namespace.all_namespaces, now, endpoints: &endpoints };
            Ok(Answer::text(table(objects, rows).to_string()))
        }
    }
}

/// All endpoints by `namespace/name`.
async fn endpoints(session: &Session) -> Result<BTreeMap<String, SpiderEndpoint>, Failure> {
    let listing = session.store().list(&Selector::Kind(Kind::Endpoint)).await.map_err(store_failure)?;
    let endpoints = listing.items.iter().filter_map(|item| item.document.as_endpoint());
    Ok(endpoints
        .map(|endpoint| {
            let namespace = endpoint.metadata.namespace.as_deref().unwrap_or_default();
            (format!("{namespace}/{}", endpoint.metadata.name), endpoint.as_ref().clone())
        })
        .collect())
}

/// What Spiderpool keeps for itself, as it is stored.
async fn internal(
    session: &Session,
    kind: &KindName,
    args: &GetArgs,
    format: Format,
) -> Result<Answer, Failure> {
    let listing = session.store().list(&Selector::Kind(kind.stored())).await.map_err(store_failure)?;
    let wanted = |item: &&Versioned| args.names.is_empty() || args.names.contains(&internal_name(&item.key));
    let items: Vec<&Versioned> = listing.items.iter().filter(wanted).collect();
    if items.is_empty() && !args.names.is_empty() {
        return Err(Failure::not_found(format!("{} {} does not exist", args.kind, args.names.join(", "))));
    }
    match format {
        Format::Json | Format::Yaml => Answer::data(&items, format),
        Format::Name | Format::Table | Format::Wide => {
            let mut table = Table::new(["NAME", "TOKEN"]);
            for item in &items {
                table.row([internal_name(&item.key), item.token.as_str().to_owned()]);
            }
            let names = || items.iter().map(|item| internal_name(&item.key)).collect::<Vec<_>>().join("\n");
            Ok(Answer::text(if format == Format::Name { names() } else { table.to_string() }))
        }
    }
}

/// A namespace as typed.
pub(super) fn namespace(text: &str) -> Result<Namespace, Failure> {
    Namespace::new(text).map_err(|error| Failure::usage(error.to_string()))
}
