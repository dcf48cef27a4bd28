//! Edits of subnets.

use super::{AdminError, Applied, Deletion, Mode};
use crate::{alloc::Allocator, api::SpiderSubnet, name::ObjectName, store::Key};

impl Allocator {
    /// Creates or changes a subnet.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn apply_subnet(&self, wanted: &SpiderSubnet, mode: Mode) -> Result<Applied, AdminError> {
        let _ = mode;
        let name = ObjectName::new(&wanted.metadata.name).map_err(AdminError::Name)?;
        Err(AdminError::NotApplied { object: Key::Subnet(name), why: "not yet" })
    }

    /// Deletes a subnet.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn delete_subnet(
        &self,
        name: &ObjectName,
        deletion: Deletion,
        mode: Mode,
    ) -> Result<Applied, AdminError> {
        let _ = (deletion, mode);
        Err(AdminError::NotApplied { object: Key::Subnet(name.clone()), why: "not yet" })
    }
}
