//! Lists as the API server gives them, in one piece or page by page, so that of a large one no more than a page is there as text.

use std::num::NonZeroU32;

use spiderpool_core::store::StoreError;

use crate::{
    answer::{Answer, Intent, Status, failure},
    api::{Api, Form},
    labels::encoded,
    object::{List, parse},
};

/// In how many pieces. The API server has whole lists in its cache, and reads pages from etcd: right for what one process of a
/// cluster reads, and wrong for what all nodes do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pages {
    /// In one.
    One,
    /// In pages of so many objects.
    Of(NonZeroU32),
}

/// A list of a collection.
pub(crate) struct Wanted<'a> {
    /// With its query.
    pub(crate) path: &'a str,
    pub(crate) plural: &'a str,
    pub(crate) form: Form,
    pub(crate) pages: Pages,
}

/// Why there is no list.
pub(crate) enum Unlisted {
    /// The API server says so.
    Answered(Answer),
    /// It does not answer, or what it says cannot be read.
    Failed(StoreError),
}

impl Unlisted {
    pub(crate) fn error(self, plural: &str) -> StoreError {
        match self {
            Self::Answered(answer) => failure(None, plural, "", Intent::Read, &answer),
            Self::Failed(error) => error,
        }
    }
}

/// What `read` makes of the pages, all of one instant, and their revision.
pub(crate) async fn list<T>(
    api: &Api,
    wanted: &Wanted<'_>,
    read: impl Fn(&List<'_>) -> Result<Vec<T>, StoreError>,
) -> Result<(Vec<T>, String), Unlisted> {
    let (mut items, mut pages, mut from) = (Vec::new(), wanted.pages, None);
    loop {
        let path = path(wanted.path, pages, from.as_deref());
        let answer = api.ask_list(&path, wanted.form).await.map_err(Unlisted::Failed)?;
        if !answer.status.is_success() {
            if from.is_none() || !Status::of(&answer).is_expired() {
                return Err(Unlisted::Answered(answer));
            }
            // Slower than etcd forgets: all of it at once, then.
            (items, pages, from) = (Vec::new(), Pages::One, None);
            continue;
        }
        let page: List<'_> = parse(wanted.plural, &answer.body).map_err(Unlisted::Failed)?;
        items.extend(read(&page).map_err(Unlisted::Failed)?);
        from = page.next();
        if from.is_none() {
            return Ok((items, page.revision()));
        }
    }
}

fn path(path: &str, pages: Pages, from: Option<&str>) -> String {
    let mut path = path.to_owned();
    let mut ask = |what: String| {
        path.push(if path.contains('?') { '&' } else { '?' });
        path.push_str(&what);
    };
    if let Pages::Of(size) = pages {
        ask(format!("limit={size}"));
    }
    if let Some(from) = from {
        ask(format!("continue={}", encoded(from)));
    }
    path
}
