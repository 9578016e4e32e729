//! The words that documents are made of: common ones, twelve topics with their own, and syllables for names.

/// Words of any text, the most common first.
pub(super) const COMMON: &str = "\
    the of and to in a is that for it with as was on by at from this are or an be which after before between \
    under over near along through while where each every other first last new old small large long short quiet \
    slow early late often again still around within without against during until because although however";

/// Topics: a name, and words, the most common first.
pub(super) const TOPICS: [(&str, &str); 12] = [
    (
        "harbour",
        "harbour tide anchor mooring pilot cargo crane vessel quay breakwater lighthouse ballast rudder hull \
        deck sailor ferry dock buoy channel drydock tonnage rigging stern",
    ),
    (
        "orchard",
        "orchard apple blossom graft pear harvest ladder root pruning cider bark branch seedling pollen beehive \
        frost trellis rootstock ripeness windfall mulch quince basket cellar",
    ),
    (
        "railway",
        "railway signal platform locomotive carriage junction timetable sleeper points conductor freight tunnel \
        viaduct gauge boiler siding ballast ticket engine shunter buffer crossing axle depot",
    ),
    (
        "astronomy",
        "telescope orbit comet nebula eclipse galaxy spectrum parallax meteor crater planet aperture mirror \
        observatory transit pulsar equinox azimuth magnitude dust halo satellite asteroid redshift",
    ),
    (
        "weather",
        "barometer cloud front pressure rainfall drizzle gust thunder humidity forecast isobar monsoon hail dew \
        fog breeze cyclone gauge thermometer sleet drought squall overcast snowdrift",
    ),
    (
        "music",
        "violin tempo chord melody rehearsal cello oboe harmony score conductor sonata rhythm octave string \
        overture reed drum choir pitch quartet bow cadence refrain tuning",
    ),
    (
        "bakery",
        "bakery flour yeast oven crust dough sourdough kneading rye loaf proofing butter sugar scale pastry \
        crumb salt steam hydration starter banneton glaze brioche tray",
    ),
    (
        "library",
        "library shelf catalogue binding archive manuscript index reader folio librarian lending parchment \
        volume edition margin typeface scroll preface chapter bookmark reference stacks ledger vellum",
    ),
    (
        "mountain",
        "mountain ridge glacier summit crevasse rope pass scree avalanche hut moraine altitude cairn icefall \
        valley traverse crampon belay col snowfield plateau ascent cliff spur",
    ),
    (
        "river",
        "river weir current estuary delta lock ford rapids meander watershed bank sediment barge towpath flood \
        tributary dam salmon reed otter millrace bridge gorge spring",
    ),
    (
        "clockwork",
        "escapement pendulum spring gear dial balance pivot chime mainspring pinion jewel winding regulator \
        lever fusee hairspring bezel arbor ratchet clock barrel verge strike second",
    ),
    (
        "network",
        "packet router latency queue handshake socket buffer gateway retry checksum timeout throughput protocol \
        cache replica shard quorum payload header backlog jitter congestion window stream",
    ),
];

/// Syllables of the names that make each document rare in something.
pub(super) const SYLLABLES: [&str; 24] = [
    "al", "bra", "cor", "dun", "el", "fen", "gar", "hal", "is", "jor", "kel", "lim", "mar", "nor", "os", "pen", "quil",
    "ros", "sel", "tam", "ul", "ver", "wen", "yar",
];
