// SPDX-License-Identifier: GPL-2.0

//! Which extensions a guest may get, and which it may lose.

use super::{
    bits::Ids,
    closure, derive,
    errno::Reason,
    table::{
        rows,
        Disable,
        Enable,
        Ext,
        ExtId,
        Mechanism,
        Row, //
    },
};

/// What the decisions depend on outside of the vCPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// The extensions for which the host has what they need.
    pub(crate) ids: Ids,
    /// Whether the caller may use vector instructions itself.
    pub(crate) vector: bool,
}

impl Host {
    /// Returns why a guest may not have an extension, apart from whether the host has it.
    pub(crate) fn enable_refusal(self, row: &Row) -> Option<Reason> {
        match row.enable {
            Enable::Always => None,
            Enable::Never => Some(Reason::NotOffered),
            Enable::With(other) => self.lacks(other),
            Enable::VectorOn => (!self.vector).then_some(Reason::NoVector),
        }
    }

    /// Returns why an extension may not be taken from a guest.
    pub(crate) fn disable_refusal(self, row: &Row, rules: Rules) -> Option<Reason> {
        match row.disable {
            Disable::Always => None,
            Disable::Never => Some(Reason::NoMechanism),
            Disable::With(other) => self.lacks(other),
            Disable::OptIn => (rules == Rules::Compatible).then_some(Reason::NotStrict),
            Disable::Kept => Some(Reason::InUse),
        }
    }

    /// Returns those extensions of a set that a guest may have, whether the host has them or not.
    pub(crate) fn enable_allowed(self, of: Ids) -> Ids {
        let maybe = filter(derive::ENABLE_MAYBE.intersection(of), |row| {
            self.enable_refusal(row).is_none()
        });

        derive::ENABLE_ALWAYS.intersection(of).union(maybe)
    }

    /// Returns those extensions of a set that a guest may lose.
    pub(crate) fn disable_allowed(self, of: Ids, rules: Rules) -> Ids {
        let maybe = filter(derive::DISABLE_MAYBE.intersection(of), |row| {
            self.disable_refusal(row, rules).is_none()
        });

        derive::DISABLE_ALWAYS.intersection(of).union(maybe)
    }

    /// Returns the extensions of a new vCPU.
    ///
    /// With the strict rules it has none that needs what the host has and the vCPU may not have,
    /// such as instructions on vectors if the caller may not use vectors.
    pub(crate) fn initial(self, rules: Rules) -> Ids {
        let allowed = self.enable_allowed(self.ids);

        match rules {
            Rules::Compatible => allowed,
            Rules::Strict => allowed.minus(closure::with_dependents(self.ids.minus(allowed))),
        }
    }

    fn lacks(self, other: Ext) -> Option<Reason> {
        (!self.ids.has(other.number())).then_some(Reason::HostLacks(other.number()))
    }
}

/// Returns those extensions in a set of which the row fulfils a condition.
fn filter(mut ids: Ids, condition: impl Fn(&Row) -> bool) -> Ids {
    let mut found = Ids::EMPTY;

    while let Some(number) = ids.pop() {
        let row = ExtId::new(u64::from(number)).and_then(ExtId::row);

        if row.is_some_and(&condition) {
            found = found.with(number);
        }
    }

    found
}

/// How much is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rules {
    /// What the C code refuses.
    Compatible,
    /// What would leave a guest with an extension that lacks another one, too. In turn extensions
    /// can be disabled that the C code has no way to.
    Strict,
}

/// A vCPU, as far as decisions about extensions go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Vcpu {
    /// Where it is.
    pub(crate) host: Host,
    /// The extensions that it has; none that the host lacks.
    pub(crate) guest: Ids,
    /// Whether it has run.
    pub(crate) ran: bool,
    /// How much it is refused.
    pub(crate) rules: Rules,
}

/// A change of the extensions of a vCPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// Extensions that it does not have, and gets.
    pub(crate) on: Ids,
    /// Extensions that it has, and loses.
    pub(crate) off: Ids,
}

/// A change of one extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct One {
    /// Which.
    pub(crate) ext: ExtId,
    /// Whether the vCPU gets it, or loses it.
    pub(crate) on: bool,
}

impl From<One> for Change {
    fn from(one: One) -> Self {
        let ids = Ids::only(one.ext.number());

        if one.on {
            Self {
                on: ids,
                ..Self::NONE
            }
        } else {
            Self {
                off: ids,
                ..Self::NONE
            }
        }
    }
}

impl Change {
    /// No change.
    pub(crate) const NONE: Self = Self {
        on: Ids::EMPTY,
        off: Ids::EMPTY,
    };

    /// Returns whether nothing changes.
    pub(crate) const fn is_none(self) -> bool {
        self.on.is_empty() && self.off.is_empty()
    }

    /// Returns all that changes.
    pub(crate) const fn all(self) -> Ids {
        self.on.union(self.off)
    }

    /// Returns the extensions of a guest afterwards.
    pub(crate) const fn apply(self, guest: Ids) -> Ids {
        guest.union(self.on).minus(self.off)
    }
}

impl Vcpu {
    /// Finds an extension by a number from user space.
    pub(crate) fn find(&self, number: u64) -> Result<ExtId, Reason> {
        let id = ExtId::new(number).ok_or(Reason::UnknownRegister)?;

        if self.host.ids.has(id.number()) {
            Ok(id)
        } else {
            Err(Reason::NotOnHost)
        }
    }

    /// Reads the register of one extension.
    pub(crate) fn single(&self, number: u64) -> Result<bool, Reason> {
        self.find(number).map(|id| self.guest.has(id.number()))
    }

    /// Decides on a write to the register of one extension.
    pub(crate) fn decide(&self, number: u64, value: u64) -> Result<Change, Reason> {
        match self.decide_one(number, value)? {
            None => Ok(Change::NONE),
            Some(one) if self.rules == Rules::Compatible => Ok(one.into()),
            Some(one) => closure::close(self, one.into()),
        }
    }

    /// Decides on a write to the register of one extension, whatever it needs or others need of
    /// it. There is nothing to do if it is so already.
    #[inline(always)]
    pub(crate) fn decide_one(&self, number: u64, value: u64) -> Result<Option<One>, Reason> {
        let ext = self.find(number)?;

        if value == u64::from(self.guest.has(ext.number())) {
            return Ok(None);
        }
        if self.ran {
            return Err(Reason::HasRun);
        }

        let (on, refusal) = match (value, ext.row()) {
            (0, Some(row)) => (false, self.host.disable_refusal(row, self.rules)),
            (1, Some(row)) => (true, self.host.enable_refusal(row)),
            _ => return Err(Reason::BadValue),
        };

        refusal.map_or(Ok(Some(One { ext, on })), Err)
    }

    /// Reads a register of many extensions: those that are on. The host has all of them.
    pub(crate) const fn multi(&self, word: MultiWord) -> u64 {
        word.of(self.guest)
    }

    /// Decides on a write to a register of many extensions.
    ///
    /// With the rules of the C code each extension is for itself, and what is refused is left out.
    /// With the strict rules it is all of them or none.
    pub(crate) fn decide_multi(
        &self,
        word: MultiWord,
        value: u64,
        enable: bool,
    ) -> Result<Change, Reason> {
        let wanted = self.wanted_multi(word, value, enable);
        let wanted = Change {
            on: wanted.on.intersection(self.host.ids),
            ..wanted
        };

        match self.rules {
            _ if wanted.is_none() => Ok(Change::NONE),
            Rules::Compatible if self.ran => Ok(Change::NONE),
            Rules::Compatible => Ok(self.allowed_part(wanted)),
            Rules::Strict if self.ran => Err(Reason::HasRun),
            Rules::Strict => closure::close(self, wanted),
        }
    }

    /// Returns what a write to a register of many extensions asks for, whether it is allowed or
    /// not.
    pub(crate) fn wanted_multi(&self, word: MultiWord, value: u64, enable: bool) -> Change {
        let asked = word.ids(value);

        if enable {
            Change {
                on: asked.minus(self.guest),
                ..Change::NONE
            }
        } else {
            Change {
                off: asked.intersection(self.guest),
                ..Change::NONE
            }
        }
    }

    /// Returns the register of single letters.
    pub(crate) fn letters(&self) -> u64 {
        derive::letters(self.guest)
    }

    /// Decides on a write to the register of single letters.
    ///
    /// With the rules of the C code, what is refused is left as it has to be.
    pub(crate) fn decide_letters(&self, value: u64) -> Result<Change, Reason> {
        // The C code counts the bits of an int, from one: `z` is out of range, and all above it.
        if value >> (derive::LETTERS - 1) != 0 {
            return Err(Reason::BadValue);
        }
        if value == self.letters() {
            return Ok(Change::NONE);
        }
        if self.ran {
            return Err(Reason::HasRun);
        }

        match self.rules {
            Rules::Compatible => Ok(self.letters_as_allowed(derive::letter_ids(value))),
            Rules::Strict => {
                let wanted = self.wanted_letters(value);
                let on = wanted.on.intersection(self.host.ids);

                closure::close(self, Change { on, ..wanted })
            }
        }
    }

    /// Returns what a write to the register of single letters asks for, whether it is allowed or
    /// not.
    pub(crate) fn wanted_letters(&self, value: u64) -> Change {
        let asked = derive::letter_ids(value);

        Change {
            on: asked.minus(self.guest),
            off: self.guest.intersection(derive::LETTER_IDS).minus(asked),
        }
    }

    /// Returns why each extension is left as it is that a write asked to change and did not.
    pub(crate) fn left_out(
        &self,
        wanted: Change,
        done: Change,
    ) -> impl Iterator<Item = (ExtId, Reason)> + '_ {
        let on = wanted.on.minus(done.on);
        let off = wanted.off.minus(done.off);

        rows().iter().map(|row| row.ext).filter_map(move |ext| {
            let value = match (on.has(ext.number()), off.has(ext.number())) {
                (true, _) => 1,
                (_, true) => 0,
                _ => return None,
            };
            let refusal = self.decide(u64::from(ext.number()), value).err()?;

            Some((ExtId::of(ext), refusal))
        })
    }

    fn letters_as_allowed(&self, asked: Ids) -> Change {
        let letters = derive::LETTER_IDS;
        let fixed = letters.minus(self.host.disable_allowed(letters, self.rules));
        let wanted = self
            .host
            .enable_allowed(asked)
            .union(fixed)
            .intersection(self.host.ids);
        let now = self.guest.intersection(letters);

        Change {
            on: wanted.minus(now),
            off: now.minus(wanted),
        }
    }

    /// Returns what of a change is allowed, each extension for itself.
    fn allowed_part(&self, wanted: Change) -> Change {
        Change {
            on: self.host.enable_allowed(wanted.on),
            off: self.host.disable_allowed(wanted.off, self.rules),
        }
    }

    /// Returns why an extension in a change is not allowed.
    pub(crate) fn refusal(&self, wanted: Change) -> Option<Reason> {
        let first_row = |ids: Ids| {
            ids.first()
                .and_then(|number| ExtId::new(u64::from(number)))
                .and_then(ExtId::row)
        };
        let on = wanted.on.minus(self.host.enable_allowed(wanted.on));
        let off = wanted
            .off
            .minus(self.host.disable_allowed(wanted.off, self.rules));

        first_row(on)
            .and_then(|row| self.host.enable_refusal(row))
            .or_else(|| first_row(off).and_then(|row| self.host.disable_refusal(row, self.rules)))
    }

    /// Returns whether floating-point instructions work.
    ///
    /// One control turns F and D on and off. So they work with both of them; with F alone on a
    /// host that has no D.
    pub(crate) fn has_float(&self) -> bool {
        self.guest
            .contains(derive::FLOAT.intersection(self.host.ids))
            && self.guest.has(Ext::F.number())
    }

    /// Returns what the hypervisor configures before the first run.
    pub(crate) fn run_once(&self) -> RunOnce {
        let mut config = RunOnce::default();
        let mut present = self.guest.intersection(derive::CONFIGURED);

        while let Some(number) = present.pop() {
            match ExtId::new(u64::from(number)).and_then(ExtId::row) {
                Some(Row {
                    by: Mechanism::Henvcfg(bits),
                    ..
                }) => config.henvcfg |= bits,
                Some(Row {
                    by: Mechanism::Hstateen0(bits),
                    ..
                }) => config.hstateen0 |= bits,
                _ => {}
            }
        }

        // Updates by the processor are on from the start only if the guest cannot ask for them.
        if self.guest.has(Ext::SVADU.number()) && !self.guest.has(Ext::SVADE.number()) {
            config.henvcfg |= super::fwft::henvcfg::ADUE;
        }
        if self.host.ids.has(Ext::SMSTATEEN.number()) {
            config.hstateen0 |= super::table::hstateen0::HSENVCFG;
        } else {
            config.hstateen0 = 0;
        }

        config
    }
}

/// What the hypervisor sets before the first run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RunOnce {
    /// Bits of henvcfg.
    pub(crate) henvcfg: u64,
    /// Bits of hstateen0.
    pub(crate) hstateen0: u64,
}

/// Which extensions a register of many extensions is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MultiWord {
    /// Numbers 0 to 63.
    First,
    /// Numbers 64 to 127, as far as there are such.
    Second,
}

impl MultiWord {
    /// Checks a number that comes from user space.
    pub(crate) const fn new(number: u64) -> Option<Self> {
        match number {
            0 => Some(Self::First),
            1 => Some(Self::Second),
            _ => None,
        }
    }

    const fn of(self, ids: Ids) -> u64 {
        match self {
            Self::First => ids.low(),
            Self::Second => ids.high(),
        }
    }

    const fn ids(self, value: u64) -> Ids {
        match self {
            Self::First => Ids::from_words(value, 0),
            Self::Second => Ids::from_words(0, value),
        }
    }
}
