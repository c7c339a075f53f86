//! Whether a card's microphone is switched off in its mixer, as `amixer contents` tells.
//!
//! Why a program of others and not libasound, which is linked for the sound tests (`cpal`, which knows no mixers): its mixer
//! calls would have to be made by a child too, and this program is one that everybody can run by hand. It opens the card's control device, never a stream; the values come from
//! the driver's cache, so that a call is not disturbed.

/// What the mixer does to the microphone. `None` where the card has no such control.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mixer {
    /// Whether the switch lets sound through.
    pub(super) switched_on: Option<bool>,
    /// Whether the volume is above its lowest step.
    pub(super) turned_up: Option<bool>,
}

#[derive(Debug, PartialEq, Eq)]
struct Element<'a> {
    name: &'a str,
    /// Whether any channel of it is on, or above its lowest step.
    open: bool,
}

/// Reads what `amixer contents` printed.
pub(super) fn read(text: &str) -> Mixer {
    let elements = parse(text);
    Mixer { switched_on: open(&elements, "Capture Switch"), turned_up: open(&elements, "Capture Volume") }
}

/// Whether sound comes through the controls named `<source> what` (Documentation/sound/designs/control-names).
///
/// The one without a source is the whole card's, those of a microphone are the microphone's, and sound must come through both;
/// a card that names neither counts by what it has.
fn open(elements: &[Element<'_>], what: &str) -> Option<bool> {
    let of: Vec<_> =
        elements.iter().filter_map(|element| Some((element.name.strip_suffix(what)?, element.open))).collect();
    let any = |is: &dyn Fn(&str) -> bool| {
        let mut open = of.iter().filter(|(source, _)| is(source)).map(|(_, open)| *open).peekable();
        open.peek().is_some().then(|| open.any(|open| open))
    };
    let whole = any(&|source| source.is_empty());
    let microphone = any(&|source| source.contains("Mic") || source.contains("Headset"));
    match (whole, microphone) {
        (Some(whole), Some(microphone)) => Some(whole && microphone),
        (one, other) => one.or(other).or_else(|| any(&|_| true)),
    }
}

/// Three lines an element: `numid=5,iface=MIXER,name='Mic Capture Switch'`, `; type=BOOLEAN,access=rw------,values=2`,
/// `: values=on,off`.
fn parse(text: &str) -> Vec<Element<'_>> {
    let mut elements = Vec::new();
    let (mut name, mut lowest) = (None, None);
    for line in text.lines() {
        if let Some((head, rest)) = line.split_once("name='") {
            name = rest.rsplit_once('\'').map(|(name, _)| name).filter(|_| head.contains("iface=MIXER"));
            lowest = None;
        } else if let Some(kind) = line.trim_start().strip_prefix("; type=") {
            lowest = match kind.split(',').next() {
                Some("BOOLEAN") => Some("off"),
                Some("INTEGER") => kind.split(',').find_map(|part| part.strip_prefix("min=")),
                _ => None,
            };
        } else if let Some(values) = line.trim_start().strip_prefix(": values=")
            && let (Some(name), Some(lowest)) = (name.take(), lowest)
        {
            elements.push(Element { name, open: values.split(',').any(|value| value.trim() != lowest) });
        }
    }
    elements
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn switch(name: &str, values: &str) -> String {
        format!("numid=1,iface=MIXER,name='{name}'\n  ; type=BOOLEAN,access=rw------,values=2\n  : values={values}\n")
    }

    fn volume(name: &str, values: &str) -> String {
        format!(
            "numid=2,iface=MIXER,name='{name}',index=1\n  ; type=INTEGER,access=rw---R--,values=2,min=-50,max=100,step=0\n  : values={values}\n  | dBscale-min=-45.00dB,step=0.30dB,mute=0\n"
        )
    }

    #[test]
    fn a_microphone_is_off_when_every_channel_is() {
        for (values, on) in [("off,off", false), ("on,off", true), ("on,on", true)] {
            assert_eq!(read(&switch("Mic Capture Switch", values)).switched_on, Some(on), "{values}");
        }
        for (values, up) in [("-50,-50", false), ("-50,0", true), ("0,0", true)] {
            assert_eq!(read(&volume("Mic Capture Volume", values)).turned_up, Some(up), "{values}");
        }
    }

    #[test]
    fn sound_must_come_through_the_card_and_the_microphone() {
        let both =
            |whole, mic| read(&(switch("Capture Switch", whole) + &switch("Mic Capture Switch", mic))).switched_on;
        assert_eq!(both("on,on", "on,on"), Some(true));
        assert_eq!(both("on,on", "off,off"), Some(false));
        assert_eq!(both("off,off", "on,on"), Some(false));
    }

    #[test]
    fn other_sources_do_not_speak_for_the_microphone() {
        let text = switch("Mic Capture Switch", "off,off") + &switch("Line Capture Switch", "on,on");
        assert_eq!(read(&text).switched_on, Some(false));
        let text = switch("Mic Playback Switch", "off,off") + &switch("Auto Gain Control", "off");
        assert_eq!(read(&text), Mixer::default());
        assert_eq!(read(&switch("Line Capture Switch", "on,on")).switched_on, Some(true));
    }

    #[test]
    fn a_card_without_controls_says_nothing() {
        assert_eq!(read(""), Mixer::default());
        let card = "numid=1,iface=CARD,name='Mic Capture Switch'\n  ; type=BOOLEAN,values=1\n  : values=off\n";
        assert_eq!(read(card), Mixer::default());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "([ -~]|\n|name='|: values=|; type=INTEGER,min=){0,60}") {
            let _ = read(&text);
        }
    }
}
