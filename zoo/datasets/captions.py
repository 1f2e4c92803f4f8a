"""Captions of avatars with varied wording, made from their exact attributes so that alignment can be measured."""

from zoo.datasets import avatars
from zoo.latents import stream

# This seed is far from the ones that users pick and from those that draw the faces.
_SEED, _SHORT_SEED = 2**62 + 2, 2**62 + 3
_NOUNS = {"feminine": ("woman", "lady"), "masculine": ("man", "guy")}
_ANYONE = ("person", "someone")
_OPENINGS = ("", "a portrait of ", "an avatar of ", "a picture of ", "a drawing of ", "the face of ")
_COLORS = {
    "black": ("black",),
    "brown": ("brown",),
    "blonde": ("blonde", "fair"),
    "red": ("red", "ginger"),
    "grey": ("grey", "gray"),
}
# The colour, if the caption names it, replaces `{}`.
_HAIR = {
    "straight": ("{}straight hair", "straight {}hair"),
    "parted": ("{}parted hair", "{}hair parted in the middle"),
    "wavy": ("{}wavy hair", "wavy {}hair"),
    "bob": ("a {}bob", "{}hair cut in a bob"),
    "fringe": ("{}hair with a fringe", "{}hair with bangs"),
    "curly": ("{}curly hair", "{}curls"),
    "bun": ("{}hair in a bun", "a {}bun"),
    "hijab": ("a hijab", "a headscarf"),
    "short": ("short {}hair", "a {}short cut"),
    "waved": ("{}waved hair", "short {}waves"),
    "cropped": ("{}cropped hair", "a {}crop"),
    "mullet": ("a {}mullet", "{}hair in a mullet"),
    "quiff": ("a {}quiff", "{}hair in a quiff"),
    "balding": ("a balding head", "{}hair on the sides only"),
    "turban": ("a turban",),
    "beanie": ("a beanie", "a knitted cap"),
}
_PHRASES = {
    "skin": {
        "deep": ("deep skin", "very dark skin"),
        "brown": ("brown skin",),
        "tan": ("tan skin", "tanned skin"),
        "light": ("light skin",),
        "pale": ("pale skin", "very light skin"),
    },
    "eyes": {
        "open": ("open eyes",),
        "wide": ("wide eyes", "surprised eyes"),
        "sideways": ("eyes that look aside", "a sideways look"),
        "happy": ("happy eyes", "laughing eyes"),
        "closed": ("closed eyes", "eyes shut"),
    },
    "eyebrows": {
        "natural": ("relaxed eyebrows",),
        "raised": ("raised eyebrows",),
        "frowning": ("a frown", "frowning eyebrows"),
    },
    "eyewear": {
        "none": ("no glasses", "no spectacles"),
        "round": ("round glasses", "round spectacles"),
        "square": ("square glasses", "rectangular glasses"),
        "sunglasses": ("sunglasses", "dark glasses", "shades"),
    },
    "facial_hair": {
        "moustache": ("a moustache", "a mustache"),
        "short_beard": ("a short beard", "a trimmed beard"),
        "full_beard": ("a full beard", "a big beard"),
    },
    "background": {
        "grey": ("a grey background", "grey behind"),
        "sky": ("a sky blue background",),
        "lavender": ("a lavender background", "a light purple background"),
        "denim": ("a denim background", "a dark blue background"),
        "mint": ("a mint background", "a light green background"),
        "rose": ("a rose background", "a pink background"),
    },
}
_MOUTHS = {
    "open_smile": ("smiling broadly", "grinning"),
    "closed_smile": ("smiling with closed lips", "with a gentle smile"),
    "serious": ("serious", "with a straight face"),
    "sad": ("sad", "unhappy"),
    "shouting": ("shouting", "screaming"),
}
_CLOTHES = {
    "crew_neck": ("{}t-shirt", "{}crew neck"),
    "v_neck": ("{}v-neck shirt",),
    "hoodie": ("{}hoodie",),
    "blazer": ("{}blazer", "{}jacket"),
    "overall": ("{}overall", "{}pair of dungarees"),
}
# Short captions choose from these attributes and the presentation.
_DETAILS = ("hair_style", "hair_color", "clothes", "mouth", *_PHRASES)
# The probability that a caption names an attribute, unless a call gives another one.
_CHANCE = 0.5


def caption(face, index, always=(), only=None):
    """Writes a caption of a face, which depends on `face` and `index` alone for a given `always` and `only`.

    Args:
        face: dict of attributes, as `avatars.draw` returns it.
        index: int. Index that determines the wording and which attributes are left out.
        always: collection of str. Attributes that the caption always names, unless they are hidden. Defaults to `()`.
        only: collection of str, or None. Attributes that the caption may name; all if None. Defaults to None.

    Returns:
        The caption, and a dict of the attributes that it names with their values, which are integers of
        `avatars.encode` or booleans. A smile and glasses may be named without their kind.
    """
    random = stream(_SEED, index)
    encoded = avatars.encode(face)
    named = {}

    def pick(phrases):
        return phrases[random.randint(len(phrases))]

    def wanted(name, chance=_CHANCE):
        drawn = random.uniform() < chance
        allowed = only is None or name in only
        return allowed and face.get(name) != avatars.HIDDEN and (drawn or name in always)

    def name_it(*names):
        named.update({name: encoded[name] for name in names})

    noun = pick(_ANYONE)
    if wanted("presentation", 0.85) or "presentation" in always:
        noun = pick(_NOUNS[avatars.PRESENTATION[encoded["presentation"]]])
        name_it("presentation")
    who = noun if noun == "someone" else f"a {noun}"

    details = []
    if wanted("hair_style"):
        phrase, color = pick(_HAIR[face["hair_style"]]), ""
        if "{}" in phrase and wanted("hair_color", 0.8):
            color = f"{pick(_COLORS[face['hair_color']])} "
            name_it("hair_color")
        details.append(phrase.format(color))
        name_it("hair_style")
    elif wanted("hair_color") and face["hair_style"] not in ("hijab", "turban", "beanie"):
        details.append(f"{pick(_COLORS[face['hair_color']])} hair")
        name_it("hair_color")
    for name, phrases in _PHRASES.items():
        if name != "background" and face[name] in phrases and wanted(name):
            if name == "eyewear" and face[name] in ("round", "square") and random.uniform() < 0.2:
                details.append(pick(("glasses", "spectacles")))
                name_it("glasses")
                continue
            details.append(pick(phrases[face[name]]))
            name_it(name)
    details = [details[i] for i in random.permutation(len(details))]

    clauses = []
    if wanted("mouth"):
        if face["mouth"] in ("open_smile", "closed_smile") and random.uniform() < 0.3:
            clauses.append("smiling")
            name_it("smile")
        else:
            clauses.append(pick(_MOUTHS[face["mouth"]]))
            name_it("mouth")
    if wanted("clothes"):
        phrase, color = pick(_CLOTHES[face["clothes"]]), ""
        if wanted("clothes_color", 0.8):
            color = f"{face['clothes_color']} "
            name_it("clothes_color")
        clothes = phrase.format(color)
        clauses.append(f"{pick(('in', 'wearing'))} {'an' if clothes[0] in 'aeiou' else 'a'} {clothes}")
        name_it("clothes")
    if wanted("background", 0.3):
        clauses.append(f"{pick(('on', 'against', 'before'))} {pick(_PHRASES['background'][face['background']])}")
        name_it("background")
    clauses = [clauses[i] for i in random.permutation(len(clauses))]

    text = pick(_OPENINGS) + who
    if details:
        listed = details[0] if len(details) == 1 else f"{', '.join(details[:-1])} and {details[-1]}"
        text += f" with {listed}"
    return ", ".join([text, *clauses]), named


def training_caption(face, index):
    """Writes a caption that is often short, and otherwise that of `caption`.

    In `caption`, what a text leaves out tells something of the face: it cannot name the eyes behind sunglasses or a
    beard that is missing, so four in ten faces of captions like "a woman" wear sunglasses. Every second caption is
    therefore to name the presentation or not, and up to two more attributes, all chosen regardless of the face. If the
    face does not show one of them, a long caption takes its place. All faces that fit a short caption are therefore
    equally likely to have it.

    Args:
        face: dict of attributes, as `avatars.draw` returns it.
        index: int. Index that determines the wording and the attributes that are named.

    Returns:
        The caption, and a dict of the attributes that it names, as `caption` returns them.
    """
    random = stream(_SHORT_SEED, index)
    if random.randint(2):
        chosen = ["presentation"][: random.randint(2)] + list(random.permutation(_DETAILS)[: random.randint(3)])
        text, named = caption(face, index, chosen, chosen)
        if len(named) == len(chosen):
            return text, named
    return caption(face, index)
