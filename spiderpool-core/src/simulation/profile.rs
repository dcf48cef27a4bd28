//! What a seed's world is like.

use std::time::Duration;

use super::dice::Dice;
use crate::store::FaultPlan;

/// How agents remember.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Memory {
    /// An intent log that outlives the process.
    Log,
    /// None: a restarted agent reads all blocks.
    Blocks,
}

/// The world of one seed.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    pub(super) agents: usize,
    pub(super) block_bits: u8,
    /// Whether listings show one instant.
    pub(super) snapshots: bool,
    pub(super) memory: Memory,
    /// How many addresses each pool begins with.
    pub(super) pool_size: u64,
    /// Whether two pools have the same addresses, made past validation.
    pub(super) overlap: bool,
    /// Whether pools lie in Subnets.
    pub(super) subnets: bool,
    /// Whether Subnets are never deleted.
    pub(super) subnets_stay: bool,
    /// The families that pods ask for.
    pub(super) dual: bool,
    pub(super) cooldown: Duration,
    /// By how many milliseconds a wall clock may be off.
    pub(super) skew: i64,
    /// How many stateless pods are wanted at once.
    pub(super) pods: usize,
    /// Stateful controllers, and the most replicas of each.
    pub(super) controllers: usize,
    pub(super) replicas: u64,
    /// Faults of the store, its seed left out.
    pub(super) faults: FaultPlan,
    /// How often processes die and stand still: the mean time between two such events.
    pub(super) unrest: Duration,
    /// The mean time between two edits of one administrator.
    pub(super) edits: Duration,
    pub(super) administrators: usize,
    /// How long each of the noisy phases lasts, in steps.
    pub(super) phase: u64,
    pub(super) phases: usize,
    /// How long a pod lives between two events, on average, and how many of 100 events are its deletion while it runs.
    pub(super) life: Duration,
    pub(super) force: u64,
    /// How long a block without records must have been idle before it goes. The design says an hour; no rule rests on
    /// it, so worlds in which it is short see more.
    pub(super) idle: Duration,
}

impl Profile {
    pub(super) fn draw(dice: &mut Dice) -> Self {
        let faulty = [0, 1, 1, 2, 2, 3][dice.index(6)];
        let rate = f64::from(faulty) * 0.02;
        let faults = FaultPlan {
            seed: 0,
            before: rate * 0.6,
            after: rate * 0.6,
            lost: rate * 0.4,
            late: rate * 0.4,
            late_by: [4, 30, 200][dice.index(3)],
            reads: rate * 0.5,
            watches: 0.0,
            delay: [0.3, 0.6, 0.9][dice.index(3)],
            delay_up_to: Duration::from_millis([3, 12, 40][dice.index(3)]),
        };
        let pool_size = dice.between(3, 14);
        let mut own = Self {
            agents: dice.between(2, 4) as usize,
            block_bits: dice.between(0, 4) as u8,
            snapshots: dice.chance(60),
            memory: if dice.chance(75) { Memory::Log } else { Memory::Blocks },
            pool_size,
            overlap: dice.chance(25),
            subnets: dice.chance(35),
            subnets_stay: dice.chance(60),
            dual: dice.chance(60),
            cooldown: Duration::from_millis([0, 0, 500, 3_000][dice.index(4)]),
            skew: [0, 0, 200, 30_000][dice.index(4)],
            // Some worlds have hardly any pods but stateful ones.
            pods: match dice.below(5) {
                0 => 1,
                _ => dice.between(pool_size / 2 + 1, pool_size + 3) as usize,
            },
            controllers: dice.between(0, 3) as usize,
            replicas: dice.between(1, 3),
            faults,
            unrest: Duration::from_millis([150, 600, 2_500, 100_000][dice.index(4)]),
            edits: Duration::from_millis([60, 300, 1_500, 10_000][dice.index(4)]),
            administrators: dice.between(1, 3) as usize,
            phase: dice.between(2_500, 6_000),
            phases: 2,
            life: Duration::from_millis([350, 350, 60][dice.index(3)]),
            force: [5, 5, 40][dice.index(3)],
            idle: Duration::from_secs([5, 60, 3_600][dice.index(3)]),
        };
        if dice.chance(20) {
            own.fight_over_claims(dice);
        }
        own
    }

    /// Stateful owners that come and go faster than their requests, and fewer addresses than owners.
    fn fight_over_claims(&mut self, dice: &mut Dice) {
        self.pool_size = dice.between(3, 5);
        self.overlap = dice.chance(50);
        (self.pods, self.controllers, self.replicas) = (dice.between(1, 3) as usize, 3, 2);
        (self.life, self.force) = (Duration::from_millis(40), 50);
        self.faults.delay_up_to = Duration::from_millis(40);
        self.faults.delay = 0.9;
        self.edits = Duration::from_millis(200);
        self.unrest = Duration::from_millis(300);
    }
}
