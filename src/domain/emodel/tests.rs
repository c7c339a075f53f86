//! The E-model against vectors that were computed apart, and its short form against the standard's whole one.

use proptest::prelude::*;

use super::*;

fn close(what: &str, got: f64, want: f64) {
    near(what, got, want, 0.01);
}

fn near(what: &str, got: f64, want: f64, by: f64) {
    assert!((got - want).abs() <= by, "{what}: {got} is not {want}");
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn the_opinion_of_a_rating() {
    let ratings = [-5.0, 0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 93.2, 95.0, 100.0, 110.0];
    let opinions = [1.0, 1.0, 1.035, 1.252, 1.609, 2.064, 2.575, 3.1, 3.597, 4.024, 4.339, 4.4093, 4.4414, 4.5, 4.5];
    for (rating, opinion) in ratings.into_iter().zip(opinions) {
        near(&format!("R {rating}"), mos(rating), opinion, 0.0005);
    }
    near("clamped: the cubic gives 0.9941", mos(1.0), 1.0, 0.0);
}

#[test]
fn what_pure_delay_takes() {
    let delays = [0, 100, 120, 150, 200, 250, 300, 400, 500, 600, 800];
    let taken = [0.0, 0.0, 0.001, 0.164, 3.044, 8.917, 14.761, 24.070, 30.636, 35.247, 40.832];
    for (delay, taken) in delays.into_iter().zip(taken) {
        near(&format!("{delay} ms"), delay_impairment(ms(delay)), taken, 0.0006);
    }
}

#[test]
fn what_loss_takes() {
    for (percent, taken) in [
        (0.0, 0.0),
        (0.1, 0.377),
        (0.5, 1.855),
        (1.0, 3.640),
        (2.0, 7.011),
        (3.0, 10.142),
        (5.0, 15.781),
        (10.0, 27.066),
    ] {
        near(&format!("G.711 with PLC, {percent} %"), loss_impairment(G711_PLC, percent / 100.0, 1.0), taken, 0.0006);
    }
    let plain = Codec { impairment: 0.0, robustness: 4.3 };
    for (percent, taken) in [(0.5, 9.896), (1.0, 17.925), (2.0, 30.159), (5.0, 51.075)] {
        near(&format!("G.711 without, {percent} %"), loss_impairment(plain, percent / 100.0, 1.0), taken, 0.0006);
    }
}

#[test]
fn delay_and_loss_together() {
    for (delay, percent, r, opinion) in [
        (40, 0.0, 93.20, 4.409),
        (100, 0.5, 91.345, 4.371),
        (150, 1.0, 89.397, 4.324),
        (200, 1.0, 86.516, 4.245),
        (250, 2.0, 77.272, 3.917),
        (300, 3.0, 68.297, 3.516),
        (400, 5.0, 53.349, 2.751),
    ] {
        let got = rating(G711_PLC, Line { mouth_to_ear: ms(delay), loss: percent / 100.0, burst_ratio: 1.0 });
        let what = format!("{delay} ms, {percent} %");
        near(&what, got, r, 0.0006);
        near(&what, mos(got), opinion, 0.0006);
    }
}

#[test]
fn a_call_hears_half_the_round_trip_its_buffer_and_its_devices() {
    assert_eq!(mouth_to_ear(ms(0), ms(0)), ms(40));
    assert_eq!(mouth_to_ear(ms(120), ms(15)), ms(130));
}

#[test]
fn losses_in_a_row_hurt_more_than_the_same_at_random() {
    near("none lost", burst_ratio(0, 0, 0.0), 1.0, 0.0);
    // At random every tenth: a row is 1/(1 - 0.1) long.
    near("at random", burst_ratio(10, 9, 0.1), 1.0, 1e-9);
    near("four in a row", burst_ratio(20, 5, 0.05), 3.8, 1e-9);
    near("shorter than at random is at random", burst_ratio(1, 1, 0.01), 1.0, 0.0);
    // 95 × 5 / (5 / 3.8 + 25.1)
    close("5 % in rows of four", loss_impairment(G711_PLC, 0.05, 3.8), 17.981);
}

/// The standard's whole set of formulas (§7.2 to §7.6), with delay and echo alone to choose: what the short form leaves out.
#[allow(clippy::many_single_char_names, clippy::similar_names, reason = "the symbols of the standard")]
fn whole(t: f64, tr: f64, ta: f64) -> f64 {
    const SLR: f64 = 8.0;
    const RLR: f64 = 2.0;
    const STMR: f64 = 15.0;
    const TELR: f64 = 65.0;
    const WEPL: f64 = 110.0;
    let (ds, lstr, ps, pr) = (3.0, 18.0, 35.0, 35.0);
    let olr = SLR + RLR;
    let power = |db: f64| 10_f64.powf(db / 10.0);
    let sidetone_noise = pr + 10.0 * (1.0 + power(10.0 - lstr)).log10();
    let nos = ps - SLR - ds - 100.0 + 0.004 * (ps - olr - ds - 14.0_f64).powi(2);
    let nor = RLR - 121.0 + sidetone_noise + 0.008 * (sidetone_noise - 35.0).powi(2);
    let no = 10.0 * (power(-70.0) + power(nos) + power(nor) + power(-64.0 + RLR)).log10();
    let ro = 15.0 - 1.5 * (SLR + no);

    let xolr = olr + 0.2 * (64.0 + no - RLR);
    let iolr = 20.0 * ((1.0 + (xolr / 8.0).powi(8)).powf(1.0 / 8.0) - xolr / 8.0);
    let stmro = -10.0 * (power(-STMR) + (-t / 4.0).exp() * power(-TELR)).log10();
    let bend = |x: f64, n: i32| (1.0 + x.powi(n)).powf(1.0 / f64::from(n));
    let ist = 12.0 * bend((stmro - 13.0) / 6.0, 8)
        - 28.0 * bend((stmro + 1.0) / 19.4, 35)
        - 13.0 * bend((stmro - 3.0) / 33.0, 13)
        + 29.0;
    let q: f64 = 37.0;
    let g = 1.07 + 0.258 * q + 0.0602 * q * q;
    let (y, z) = ((ro - 100.0) / 15.0 + 46.0 / 8.4 - g / 9.0, 46.0 / 30.0 - g / 40.0);
    let iq = 15.0 * (1.0 + 10_f64.powf(y) + 10_f64.powf(z)).log10();

    let terv = TELR - 40.0 * ((1.0 + t / 10.0) / (1.0 + t / 150.0)).log10() + 6.0 * (-0.3 * t * t).exp();
    let (roe, re) = (-1.5 * (no - RLR), 80.0 + 2.5 * (terv - 14.0));
    let half = (roe - re) / 2.0;
    let idte = (half + (half * half + 100.0).sqrt() - 1.0) * (1.0 - (-t).exp());
    let rle = 10.5 * (WEPL + 7.0) * (tr + 1.0).powf(-0.25);
    let half = (ro - rle) / 2.0;
    let idle = half + (half * half + 169.0).sqrt();
    ro - (iolr + ist + iq) - (idte + idle + delay_impairment(Duration::from_secs_f64(ta / 1e3)))
}

#[test]
fn the_short_form_rests_on_the_whole_one() {
    near("all defaults", whole(0.0, 0.0, 0.0), 93.206, 0.0006);
    near("and the opinion of it", mos(whole(0.0, 0.0, 0.0)), 4.4094, 0.0001);
    for (delay, r) in [(100, 90.66), (200, 85.80), (300, 72.67), (400, 62.25)] {
        let line = Line { mouth_to_ear: ms(delay), loss: 0.0, burst_ratio: 1.0 };
        #[allow(clippy::cast_precision_loss, reason = "small")]
        let ta = delay as f64;
        let got = whole(ta, 2.0 * ta, ta);
        close(&format!("{delay} ms, with an echo of 65 dB"), got, r);
        // The short form knows no echo: it is the kinder one, by a class at most.
        let short = rating(G711_PLC, line);
        assert!(short >= got && short - got < 10.0, "{delay} ms: {short} beside {got}");
    }
}

proptest! {
    #[test]
    fn more_delay_or_loss_is_never_better(a in 0_u64..2000, b in 0_u64..2000, lost in 0.0..1.0_f64, more in 0.0..1.0_f64) {
        let at = |delay, loss| rating(G711_PLC, Line { mouth_to_ear: ms(delay), loss, burst_ratio: 1.0 });
        prop_assert!(at(a.min(b), lost) >= at(a.max(b), lost) - 1e-9);
        prop_assert!(at(a, lost.min(more)) >= at(a, lost.max(more)) - 1e-9);
        prop_assert!((0.0..=100.0).contains(&at(a, lost)));
        prop_assert!((1.0..=4.5).contains(&mos(at(a, lost))));
    }
}
