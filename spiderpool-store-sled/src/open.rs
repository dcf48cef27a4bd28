//! Opening: what is there, whether all of it is there, and whether to go on.

use spiderpool_core::{env::Env, store::local::Revision};

use crate::{
    Loss, OpenError, SledConfig,
    engine::{Engine, Failure},
    keys::META,
    layout::Layout,
    load::Contents,
    lock::Lock,
    meta::{FORMAT, Meta, Unreadable},
    salvage::{put_aside, rewrite},
    sidecar::Sidecar,
};

/// After a loss, revisions go on far beyond all that may have been given: no token comes back.
const BEYOND_LOSS: u64 = 1 << 32;

/// An open database.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) engine: Engine,
    pub(crate) contents: Contents,
    pub(crate) meta: Meta,
    pub(crate) layout: Layout,
    pub(crate) lock: Lock,
    /// What was lost and accepted as lost, in words.
    pub(crate) losses: Vec<String>,
}

/// What is missing: refused, or accepted and remembered.
struct Losses<'a> {
    config: &'a SledConfig,
    accepted: Vec<String>,
}

impl Losses<'_> {
    fn add(&mut self, what: String) -> Result<(), OpenError> {
        let path = self.config.path.clone();
        match self.config.loss {
            Loss::Refuse => Err(OpenError::Lost { path, what }),
            Loss::Accept => {
                tracing::warn!(path = %path.display(), "accepted as lost: {what}");
                self.accepted.push(what);
                Ok(())
            }
        }
    }

    /// Damage that sled itself stumbles over. What the system refuses is no damage, and nothing to accept.
    fn broken(&mut self, failure: Failure) -> Result<(), OpenError> {
        let path = self.config.path.clone();
        match (failure, self.config.loss) {
            (Failure::System(source), _) => Err(OpenError::Io { action: "open", path, source }),
            (Failure::Broken(what), Loss::Refuse) => Err(OpenError::Damaged { path, what }),
            (Failure::Broken(what), Loss::Accept) => self.add(what),
        }
    }
}

/// Opens the database of `config`, or makes it. Blocks.
pub(crate) fn open(config: &SledConfig, env: &Env) -> Result<Opened, OpenError> {
    let layout = Layout::create(&config.path)?;
    let lock = Lock::take(&layout, env)?;
    let mut losses = Losses { config, accepted: Vec::new() };
    let sidecar = match Sidecar::read(&layout) {
        Err(OpenError::Lost { what, .. }) => {
            losses.add(what)?;
            None
        }
        read => read?,
    };
    let mut contents = Contents::default();
    let mut engine = None;
    let mut meta = None;
    match Engine::open(&layout.database()) {
        Err(failure) => losses.broken(failure)?,
        Ok(opened) => {
            meta = read_meta(&opened, config, &mut losses)?;
            if let Err(failure) = opened.each(|key, bytes| contents.take(key, bytes)) {
                losses.broken(failure)?;
            }
            contents.end();
            engine = Some(opened);
        }
    }
    if let Some((key, found)) = &contents.newer {
        let what = config.path.join(key.to_string());
        let supported = spiderpool_core::model::FORMAT;
        return Err(OpenError::NewerFormat { path: what, found: *found, supported });
    }
    judge(meta.as_ref(), sidecar.as_ref(), &contents, &mut losses)?;
    let reached = sidecar.as_ref().map_or(0, |sidecar| sidecar.acknowledged);
    let fresh = meta.is_none();
    let mut meta = meta.unwrap_or_else(|| {
        Meta::new(sidecar.as_ref().map_or_else(|| env.random_id(), |sidecar| sidecar.database.clone()))
    });
    let engine = match engine {
        Some(engine) if losses.accepted.is_empty() => engine,
        damaged => {
            // What could be read goes into a new database; the old one is put aside, and nothing of it deleted.
            if let Some(damaged) = damaged {
                damaged.close();
            }
            put_aside(&layout)?;
            let highest = contents.documents.iter().map(|(_, revision)| revision.0).max().unwrap_or(0);
            meta.last = Revision(reached.max(meta.last.0).max(highest).saturating_add(BEYOND_LOSS));
            let broken = |failure: Failure| OpenError::Damaged {
                path: config.path.clone(),
                what: failure.to_string(),
            };
            let engine = Engine::open(&layout.database()).map_err(broken)?;
            rewrite(&engine, &mut meta, &mut contents).map_err(broken)?;
            engine
        }
    };
    if fresh && losses.accepted.is_empty() {
        let mut batch = sled::Batch::default();
        batch.insert(META, meta.encode());
        engine.commit(batch).map_err(|failure| match failure {
            Failure::System(source) => OpenError::Io { action: "write", path: config.path.clone(), source },
            Failure::Broken(what) => OpenError::Damaged { path: config.path.clone(), what },
        })?;
    }
    if fresh || sidecar.is_none() || !losses.accepted.is_empty() {
        Sidecar { database: meta.id.clone(), acknowledged: meta.last.0 }.write(&layout)?;
    }
    Ok(Opened { engine, contents, meta, layout, lock, losses: losses.accepted })
}

/// The database's account of itself; none for a database without anything in it.
fn read_meta(
    engine: &Engine,
    config: &SledConfig,
    losses: &mut Losses<'_>,
) -> Result<Option<Meta>, OpenError> {
    let unreadable = || "the entry that says how far it reaches cannot be read".to_owned();
    let found = match engine.get(META) {
        Ok(found) => found,
        Err(failure) => {
            losses.broken(failure)?;
            return Ok(None);
        }
    };
    match found.as_deref().map(Meta::decode) {
        Some(Ok(meta)) => Ok(Some(meta)),
        Some(Err(Unreadable::Newer(found))) => {
            Err(OpenError::NewerFormat { path: config.path.clone(), found, supported: FORMAT })
        }
        Some(Err(Unreadable::Damaged)) => losses.add(unreadable()).map(|()| None),
        None => match engine.is_empty() {
            Ok(true) => Ok(None),
            Ok(false) => losses.add(unreadable()).map(|()| None),
            Err(failure) => losses.broken(failure).map(|()| None),
        },
    }
}

/// Whether what was read is all that was acknowledged.
fn judge(
    meta: Option<&Meta>,
    sidecar: Option<&Sidecar>,
    contents: &Contents,
    losses: &mut Losses<'_>,
) -> Result<(), OpenError> {
    match (meta, sidecar) {
        (Some(meta), Some(sidecar)) if sidecar.database != meta.id => losses.add(format!(
            "it is the database {} in the place of {}, so an unknown number",
            meta.id, sidecar.database
        ))?,
        (Some(meta), Some(sidecar)) if sidecar.acknowledged > meta.last.0 => losses.add(format!(
            "write {} was acknowledged and the database ends at write {}, so {}, and what the last second before the \
             loss brought",
            sidecar.acknowledged,
            meta.last.0,
            sidecar.acknowledged - meta.last.0
        ))?,
        // Without a single write, it was killed while it was made.
        (Some(meta), None) if meta.last > Revision(0) => {
            losses.add("the file that says what was acknowledged last is gone, so an unknown number".into())?;
        }
        (None, Some(sidecar)) if sidecar.acknowledged > 0 => {
            losses.add(format!("all of up to {}", sidecar.acknowledged))?;
        }
        _ => {}
    }
    for (_, why) in &contents.damaged {
        losses.add(why.clone())?;
    }
    let Some(meta) = meta else { return Ok(()) };
    let counted = meta.recount(&contents.documents);
    if counted != *meta && contents.damaged.is_empty() {
        losses.add(format!(
            "it has {} documents and should have {}, or some of them are older than they should be",
            counted.documents, meta.documents
        ))?;
    }
    Ok(())
}
