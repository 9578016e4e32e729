//! Instructions, counted by callgrind in a process of its own.

use std::process::Command;

use crate::Result;

/// What is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    /// `rate` over 10,000 series.
    Rate,
    /// A hundred rules over 10,000 series.
    Rules,
}

impl Work {
    const ALL: [Self; 2] = [Self::Rate, Self::Rules];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|work| work.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Rules => "rules",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Rate => "rate over 10,000 series",
            Self::Rules => "100 rules over 10,000 series",
        }
    }

    /// Millions of instructions at most. Machines of today do more than two thousand million a second in such code: the
    /// first is less than 5 ms, the second less than 1 % of a core at a tick of 10 s.
    fn limit(self) -> f64 {
        match self {
            Self::Rate => 48.0,
            Self::Rules => 115.0,
        }
    }
}

/// What callgrind counts: it is told by this name.
#[inline(never)]
pub(crate) fn measured(work: impl FnOnce() -> Result<()>) -> Result<()> {
    std::hint::black_box(work())
}

/// Prints the instructions of each work with its limit; whether all limits hold. Without valgrind there is nothing to
/// judge, which is an error where that is `needed`.
pub(crate) fn targets(needed: bool) -> Result<bool> {
    if !Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success()) {
        println!("NO INSTRUCTION COUNTS: valgrind is not installed, so no target can be judged; install it.");
        return if needed { Err("valgrind is missing".into()) } else { Ok(true) };
    }
    let mut held = true;
    for work in Work::ALL {
        let (millions, limit) = (instructions(work)? / 1e6, work.limit());
        let verdict = if millions <= limit { "held" } else { "MISSED" };
        println!("{:<30} {millions:>7.2} million instructions  <= {limit:>7.2}  {verdict}", work.text());
        held &= millions <= limit;
    }
    Ok(held)
}

fn instructions(work: Work) -> Result<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"])
        .arg("--toggle-collect=*count::measured*")
        .arg(std::env::current_exe()?)
        .args(["--child", work.name()])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    match collected {
        Some(instructions) if output.status.success() && instructions > 0.0 => Ok(instructions),
        _ => Err(format!("callgrind counted nothing for {}:\n{said}", work.text()).into()),
    }
}
