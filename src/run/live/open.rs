//! The interfaces of a live capture, opened.

use crate::cli::Live;
use anyhow::{Context, Result, anyhow, bail};
use shakedown::live::analysis::Tapped;
use shakedown::live::filter;
use shakedown::live::interfaces::default_interface;
use shakedown::live::libpcap::{ANY, Device, Options};
use shakedown::live::privilege::{Facts, explain};
use shakedown::live::wire::{Trouble, Wire};
use shakedown::target::Target;
use shakedown::types::LinkType;

/// Opens what the user named, or the interface of the default route; with what the report should say of it.
pub(super) fn interfaces(options: &Live, target: &Target) -> Result<(Vec<Tapped>, Vec<String>)> {
    let (names, mut remarks) = names(options)?;
    let how = Options {
        snap_len: i32::try_from(options.snap_len)?,
        buffer: i32::try_from(u64::from(options.buffer) * 1024).context("-B: at most 2000000")?,
        promiscuous: options.promiscuous,
        filter: options.common.filter.clone(),
    };
    let mut devices: Vec<Device> = Vec::new();
    let mut wires = Vec::new();
    for name in &names {
        let device = Device::new(name, how.clone());
        wires.push(open(&device, name)?);
        devices.push(device);
    }
    // What the kernel may leave out depends on the link types, which are known only now.
    let links: Vec<LinkType> = wires.iter().flatten().map(|w| w.link()).collect();
    if !options.no_kernel_filter {
        let choice = filter::choose(target, &links);
        if let Some(chosen) = &choice.expression {
            let both = filter::and(Some(chosen), options.common.filter.as_deref());
            for (device, wire) in devices.iter_mut().zip(&mut wires) {
                device.set_filter(both.clone());
                if let Some(open) = wire {
                    *open = device.open_first().map_err(|error| {
                        anyhow!("the kernel's filter: {error}; --no-kernel-filter leaves it out")
                    })?;
                }
            }
            remarks.push(sentence(&choice.why));
        }
    }
    let tapped = devices.into_iter().zip(wires).map(|(device, wire)| Tapped {
        port: Box::new(device),
        wire,
    });
    Ok((tapped.collect(), remarks))
}

/// One that is down is waited for; one that is not there, or not ours to open, is told of.
fn open(device: &Device, name: &str) -> Result<Option<Box<dyn Wire>>> {
    match device.open_first() {
        Ok(wire) => Ok(Some(wire)),
        Err(error) => match Device::trouble(&error) {
            Trouble::Down => Ok(None),
            _ => bail!("{}", explain(name, &error, &Facts::gather())),
        },
    }
}

fn names(options: &Live) -> Result<(Vec<String>, Vec<String>)> {
    let mut names: Vec<String> = Vec::new();
    for name in &options.interfaces {
        if names.contains(name) {
            bail!("-i {name}: is named twice");
        }
        names.push(name.clone());
    }
    if names.len() > 1 && names.iter().any(|name| name == ANY) {
        bail!("-i any: takes all interfaces already: leave the others out");
    }
    if names.is_empty() {
        let found = default_interface()?;
        return Ok((vec![found.name], found.note.into_iter().collect()));
    }
    Ok((names, Vec::new()))
}

fn sentence(clause: &str) -> String {
    let mut chars = clause.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string());
    let text = format!("{}{}", first.unwrap_or_default(), chars.as_str());
    if text.ends_with('.') {
        text
    } else {
        format!("{text}.")
    }
}
