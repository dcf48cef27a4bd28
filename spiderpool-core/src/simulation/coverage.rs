//! Which faults happened and which branches of the protocol were taken. One that a long run never takes is a failure
//! of the simulation.

mod outcome;
mod write;

use std::cell::RefCell;

pub(crate) use outcome::{operation, outcome};
pub(super) use write::wrote;

macro_rules! branches {
    ($($name:ident = $text:literal,)*) => {
        /// Something that a run can meet.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub(crate) enum Branch {
            $(#[doc = $text] $name,)*
        }

        impl Branch {
            const NAMES: &[&str] = &[$($text,)*];
        }
    };
}

branches! {
    WriteFailed = "fault: an operation failed and said so",
    WriteUnanswered = "fault: a write took effect and was not answered",
    WriteLost = "fault: a write took no effect and was not answered",
    WriteLate = "fault: a write took effect later than its answer was given up",
    LandedLate = "fault: a late write was still in time to take effect",
    AgentCrash = "fault: an agent died",
    AdminCrash = "fault: an administrator's process died",
    ControllerCrash = "fault: a controller died",
    CrashMidRequest = "fault: a process died with requests in hand",
    MachineLost = "fault: a machine was lost with all its containers",
    LogLost = "fault: an intent log was lost",
    GivenUp = "fault: a node that runs on was given up",
    Paused = "fault: a process stood still",
    Partition = "fault: a process could not reach the store",
    ClockForward = "fault: a wall clock jumped forward",
    ClockBack = "fault: a wall clock jumped back",
    StalePool = "fault: a request was made with an old view of its pools",
    KubeletGaveUp = "fault: a kubelet gave up waiting",
    NoAgent = "fault: a request found no agent",
    LivenessFailed = "fault: a liveness source did not answer",
    PodDeleted = "pod: deleted",
    PodForced = "pod: deleted while its container ran",
    PodMoved = "pod: came back on another node",
    PodRestarted = "pod: another sandbox",
    DelRepeated = "pod: DEL sent again",
    DelOverdue = "pod: DEL of an old container after the ADD of a newer one",
    ScaledDown = "pod: fewer replicas",
    ScaledUp = "pod: more replicas",
    ControllerReplaced = "pod: its controller was made anew under its name",
    PodNamedAlike = "pod: a bare one with the name of a stateful one",
    CheckAgrees = "CHECK: the address is the container's",
    AddNew = "ADD: a free address",
    AddFound = "ADD: answered again",
    AddReattached = "ADD: reattached",
    AddNamed = "ADD: of a second interface, found by its place",
    AddExhausted = "ADD: refused, exhausted",
    AddCooling = "ADD: refused, cooling",
    AddPoolGone = "ADD: refused, pool deleted",
    AddSecondPool = "ADD: from a backup pool",
    AddSeveral = "ADD: several parts",
    AddUndone = "ADD: several parts, one refused",
    AddContention = "ADD: busy, contention",
    AddEditing = "ADD: busy, an edit in flight",
    AddAttached = "ADD: busy, attached elsewhere",
    AddUnanswered = "ADD: busy, the store did not answer",
    AddUnresolved = "ADD: busy, a write without a definite reply",
    AddGone = "ADD: refused, its container is gone",
    AddReplaced = "ADD: refused, its pod was replaced",
    DelReleased = "DEL: released",
    DelDetached = "DEL: detached",
    DelNothing = "DEL: nothing to do",
    DelPending = "DEL: to be sent again",
    EditCreated = "edit: created",
    EditConfigured = "edit: configured",
    EditUnchanged = "edit: unchanged",
    EditDeleted = "edit: deleted",
    EditTerminating = "edit: terminating",
    EditHeld = "edit: refused, addresses are held",
    EditTaken = "edit: refused, another pool has the addresses",
    EditInUse = "edit: refused, pools are inside",
    EditInvalid = "edit: refused, invalid",
    EditMissing = "edit: nothing to edit",
    EditOfTerminating = "edit: refused, it is being deleted",
    EditWarned = "edit: admitted with a warning",
    EditFailed = "edit: the store failed",
    EditDry = "edit: dry run",
    EditBypassed = "edit: a pool made past validation",
    AddressTaken = "edit: an address taken from its holder",
    SweepFreed = "sweep: freed",
    SweepNodeSilent = "sweep: freed, the node was given up",
    SweepChanged = "sweep: changed meanwhile",
    SweepUnbound = "sweep: binding released",
    SweepDuplicate = "sweep: one of two addresses of a key freed",
    SweepKept = "sweep: the machine found a reason to keep it",
    SweepLater = "sweep: the store failed",
    SweepKeptPod = "sweep: kept, its pod is alive",
    SweepKeptName = "sweep: binding kept, a pod of that name exists",
    SweepKeptWanted = "sweep: binding kept, its controller wants it",
    SweepKeptAttached = "sweep: kept, its sandbox is there",
    SweepKeptTwin = "sweep: one of two addresses of a key kept",
    SweepWaits = "sweep: waits for a silent node",
    SweepDry = "sweep: dry run",
    BlockDropped = "sweep: an empty block deleted",
    BlockMade = "block: created empty",
    BlockGrant = "block: granted by its copies",
    BlockGrantInstalled = "block: granted with fresh copies",
    BlockInstalled = "block: copies only",
    BlockBumped = "block: nothing but a new token",
    BlockReattached = "block: another container",
    BlockReleased = "block: released",
    BlockUndone = "block: undone, without cool-down",
    BlockDetached = "block: detached",
    BlockShared = "block: several requests in one write",
    BlockCopiesDropped = "block: copies of a dead plan dropped",
    PlanMade = "plan: made",
    PlanNarrowed = "plan: narrowed by an edit",
    PlanSettled = "plan: settled",
    PlanTakenBack = "plan: an entry taken back",
    PlanWaits = "plan: settled around an edit in flight",
    PlanBuried = "plan: buried",
    PlanCreationDropped = "plan: a creation that never came dropped",
    PoolFenced = "fence: of a pool",
    ReservationFenced = "fence: of a reservation",
    ClaimMade = "claim: made",
    ClaimLeaving = "claim: leaving",
    ClaimBack = "claim: put back",
    ClaimMoved = "claim: moved to another address",
    ClaimDropped = "claim: dropped",
    SubnetClaimed = "subnet: a claim in flight",
    GrantNew = "intent: grant, new",
    GrantFound = "intent: grant, found",
    GrantReattached = "intent: grant, reattached",
    GrantFull = "intent: grant, full",
    GrantCooling = "intent: grant, cooling",
    GrantHeld = "intent: grant, held by another",
    GrantNotInPool = "intent: grant, not in the pool",
    GrantReserved = "intent: grant, reserved",
    GrantNoPlan = "intent: grant, no plan",
    GrantClaimMoved = "intent: grant, the claim moved",
    GrantPodReplaced = "intent: grant, the pod was replaced",
    GrantBusy = "intent: grant, attached elsewhere",
    ProbeChosen = "intent: probe, chosen",
    ProbeFull = "intent: probe, full",
    ReattachFound = "intent: reattach, the same container",
    ReattachNew = "intent: reattach, a newer container",
    ReattachNothing = "intent: reattach, nothing there",
    ReleaseFreed = "intent: release, freed",
    ReleaseDetached = "intent: release, detached",
    ReleaseSuperseded = "intent: release, superseded",
    ReleaseNothing = "intent: release, nothing there",
    CloseFound = "intent: close, it took effect",
    CloseNothing = "intent: close, it did not",
    WithdrawDone = "intent: withdraw, done",
    WithdrawClaimMoved = "intent: withdraw, the claim moved",
    WithdrawBusy = "intent: withdraw, attached",
    InstallDone = "intent: install",
    IntentExpired = "intent: expired",
    IntentUnresolved = "intent: unresolved",
    ProofExhausted = "proof: exhausted",
    ProofCooling = "proof: cooling",
    ProofRoom = "proof: room",
    SandboxAsked = "truth: the second source",
    PodAsked = "truth: the pod",
}

const COUNT: usize = Branch::NAMES.len();

thread_local! {
    static HITS: RefCell<[u64; COUNT]> = const { RefCell::new([0; COUNT]) };
}

/// Counts a branch.
pub(crate) fn hit(branch: Branch) {
    hits(branch, 1);
}

pub(super) fn hits(branch: Branch, times: u64) {
    HITS.with_borrow_mut(|all| all[branch as usize] += times);
}

/// How often each branch was taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Coverage([u64; COUNT]);

impl Default for Coverage {
    fn default() -> Self {
        Self([0; COUNT])
    }
}

impl Coverage {
    /// Forgets what was counted in this thread.
    pub(super) fn begin() {
        HITS.with_borrow_mut(|all| *all = [0; COUNT]);
    }

    /// What was counted in this thread.
    pub(super) fn end() -> Self {
        HITS.with_borrow(|all| Self(*all))
    }

    /// Adds another run's.
    pub fn add(&mut self, other: &Self) {
        for (own, other) in self.0.iter_mut().zip(other.0) {
            *own += other;
        }
    }

    /// Every branch with its count.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Branch::NAMES.iter().copied().zip(self.0)
    }

    /// The branches that were never taken.
    pub fn missing(&self) -> impl Iterator<Item = &'static str> {
        self.all().filter(|(_, count)| *count == 0).map(|(name, _)| name)
    }
}
