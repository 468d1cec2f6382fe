"""Words that say nothing about the subject of a question, and words that negate, as sets."""

from __future__ import annotations

_GENERIC_WORDS = """
    q searched i'm reasoning clue far puts go goes given confidence high medium low note based
    a an the this that these those it its he she they them their his her there here i we you me my our your us to of
    in on at by for from with within among about into as is are was were be been being am do does did done have has
    had having can could may might must shall should will would not no nor and or but if so than then also too any
    some all each every both either neither none one several many more most much few other others another such same
    own very just only even still yet however therefore thus hence moreover finally first second third firstly
    secondly lastly next because since while although though unless until what which who whom whose when where why
    how whether based according following above below provided given available retrieved supplied relevant specific
    exact clear direct directly explicitly question questions query asked ask answer answers answered answering
    answerable reply response summary short brief conclusion final result results search document documents doc docs
    source sources passage passages text texts article articles context contexts material materials reference
    references evidence information info data content excerpts snippets find found say says said state states stated
    mention mentions mentioned contain contains contained provide provides give gives follow follows depend depends
    meant mean means meaning different distinct various ambiguous interpretation interpretations ways way part parts
    findings overview limitations
    case cases list listed details detail need needs apologize apologise sorry unfortunately afraid unable couldn't
    can't cannot don't doesn't didn't isn't aren't wasn't weren't anything something nothing everything enough
    sufficient insufficient know known unknown sure determine determined specify specified answerable unanswerable
    able include includes included cover covers covered address addresses addressed present discuss discusses locate
    support supported indicate indicates explain explains let look looked looking through came come away
    review reviewed reviewing checked went over like topic subject matter regarding
    background introduction verdict status outcome assessment analysis explanation discussion remarks notes key
    ones concerning related let's consider considering read using use used now again please thank thanks help helps yes
"""
GENERIC = frozenset(_GENERIC_WORDS.split())
"""Words that say nothing about the subject of a question."""
_NEGATING = """
    not no none nothing nowhere neither never cannot without unable insufficient lack lacks lacked lacking fail fails
    failed missing absent silent unknown unclear unanswerable unanswered impossible unavailable unsure uncertain
    unspecified undisclosed beyond nicht nichts ne n pas rien nada desconozco non niente geen niet niets inte inget inga
    ikke ingen intet nie brak yok
    unstated unmentioned undetermined unaddressed untold unsaid undocumented unreported unrecorded unlisted inconclusive
    unresolved mystery open out empty short blank decline refuse tidak tak belum tiada nu nici ei
    en nem nincs sem ne nije nisu nema nisam ni pole nav wala
    walang hindi hakuna haina hazina sijui neni nejsou
    irrelevant unrelated unhelpful useless quiet outside guess guessing speculation speculate speculating pass null nei
    nirgends nirgendwo nergens
    nor nobody omit omits omitted skip skips skipped mute stop stops dark leave leaves left leaving
    need needs needed required off else elsewhere other silence false insufficient declined declining refuse refused
    dont doesnt didnt isnt wasnt arent werent cant couldnt wouldnt havent hasnt hadnt
"""
NEGATING_WORDS = frozenset(_NEGATING.split())
NEGATING_STEMS = frozenset(
    (
        "schw",
        "fehl",
        "unkl",
        "unbe",
        "manq",
        "inco",
        "manc",
        "falt",
        "ontb",
        "onbe",
        "sakn",
        "mang",
        "kein",
        "aucu",
        "ning",
        "ness",
        "nenh",
        "bulu",
        "bilm",
    )
)
"""The first four letters of negations, a quick test that a text has none."""
