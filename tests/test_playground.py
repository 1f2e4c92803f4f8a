"""The playground in a real browser: every tab is used, and what is drawn is what Python draws."""

import contextlib
import json
import shutil
import threading
import time

import keras
import numpy as np
import pytest
from commands import fail, run_here
from helpers import images, tiny_gan
from PIL import Image

import zoo
from zoo import playground
from zoo.errors import DataError, InputError
from zoo.playground.building import PAGE, RUNTIME, is_at_hand
from zoo.playground.serving import server

PRESETS = ("dcgan_fashion_mnist_28", "beta_vae_avatars_64")
WORDS = ("a", "man", "woman", "with", "red", "hair", "hat")
SECONDS = 60
# What each tab shows its image on, beside the tabs that presets are for.
TABS = {
    "draw": PRESETS[0],
    "faces": PRESETS[1],
    "styles": "styles",
    "words": "words",
    "sketch": "sketch",
    "enlarge": "enlarge",
    "emoji": "emoji",
    "pixels": "pixels",
    "codes": "codes",
}


def tiny_models():
    """Returns tiny untrained models for the tabs that need no trained one."""
    keras.utils.set_random_seed(0)
    codes = {"embedding_dim": 3, "filters": 4, "residual_blocks": 1, "prior": {"filters": 4, "num_blocks": 1}}
    vq_vae = zoo.VQVAE2((16, 16, 3), num_embeddings=8, **codes)
    vq_vae.build_prior()
    latent_flow = zoo.LatentFlow((16, 16, 3), 2, filters=4, blocks=1, perceptual_weight=0.0)
    few = {"steps": 2, "guidance": 2.0, "filters": 8, "blocks": 1}
    latent_flow.build_prior(vocabulary=WORDS, max_words=6, example_prompts=["a red hat"], **few)
    return {
        "styles": zoo.StyleGAN((16, 16, 3), 4, filters=3, mapping_layers=2),
        "words": zoo.TextToImageGAN((16, 16, 3), 4, vocabulary=WORDS, max_words=6, filters=2, text_dim=2, word_dim=4),
        "sketch": zoo.Pix2Pix((16, 16, 3), filters=2, patch_stages=1, stages=2),
        "enlarge": zoo.SRResNet((32, 32, 3), 4, filters=4, residual_blocks=1),
        "emoji": zoo.CycleGAN((16, 16, 3), filters=2, patch_stages=1, residual_blocks=1),
        "pixels": zoo.PixelCNN((4, 5, 1), num_classes=3, filters=6, num_blocks=2, first_kernel_size=3),
        "codes": vq_vae,
        "flow": zoo.RectifiedFlow((8, 8, 1), num_classes=3, **few),
        "flow_of_words": latent_flow,
    }


def check_runtime():
    if not is_at_hand():
        pytest.skip(f"{RUNTIME.file} is not at hand; `zoo play` fetches it")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The address of a playground."""
    check_runtime()
    folder = tmp_path_factory.mktemp("playground") / "site"
    playground.build(folder, {name: zoo.load(name) for name in PRESETS} | tiny_models())
    with server(folder) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()


@pytest.fixture(scope="module")
def downloads(tmp_path_factory):
    return tmp_path_factory.mktemp("downloads")


@contextlib.contextmanager
def new_browser(profile, downloads):
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip("chromium or its driver is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in ("headless=new", "no-sandbox", "disable-gpu", "disable-background-networking"):
        options.add_argument(f"--{argument}")
    options.add_argument(f"--user-data-dir={profile}")
    # Clicks of a script may otherwise download one file only.
    several = {"profile.default_content_setting_values.automatic_downloads": 1}
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads), **several})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture(scope="module")
def browser(tmp_path_factory, downloads):
    with new_browser(tmp_path_factory.mktemp("profile"), downloads) as driver:
        yield driver


# === What a user does ===


def until(found, what):
    """Returns the first true result of a function."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if result := found():
            return result
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come within {SECONDS} seconds")


def pixels(browser, tab):
    """Returns the pixels of a tab's picture, or None before it is drawn."""
    found = browser.execute_script(
        "const canvas = document.querySelector(`[data-picture=${arguments[0]}]`);"
        "if (!canvas || !canvas.width) return null;"
        "const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);"
        "return data.some((value) => value) ? [canvas.height, canvas.width, Array.from(data)] : null;",
        tab,
    )
    return None if found is None else np.array(found[2], "uint8").reshape(found[0], found[1], 4)[..., :3]


def status(browser):
    return browser.find_element("id", "status")


def is_drawn(browser, tab):
    """Whether a tab's picture is drawn and nothing is under way."""
    assert "error" not in status(browser).get_attribute("class"), status(browser).text
    return pixels(browser, tab) is not None and status(browser).text in ("", "The photograph now has 528 x 352 pixels.")


def opened(browser, site, tab, name=None):
    """Opens a tab and returns its picture when it is drawn."""
    browser.get("about:blank")
    browser.get(f"{site}#{tab}/{name or TABS[tab]}")
    until(lambda: is_drawn(browser, tab), f"a picture of {tab}")
    return pixels(browser, tab)


def changed(browser, tab, before):
    """Returns a tab's picture when it is another one than before."""

    def other():
        found = pixels(browser, tab)
        return is_drawn(browser, tab) and not np.array_equal(found, before)

    until(other, f"another picture of {tab}")
    return pixels(browser, tab)


def control(browser, label):
    """Returns the control with a label."""
    return browser.find_element("xpath", f"//label[span='{label}']/*[self::input or self::select or self::textarea]")


def set_value(browser, label, value, event="change"):
    browser.execute_script(
        "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event(arguments[2], {bubbles: true}));",
        control(browser, label),
        value,
        event,
    )


def press(browser, text):
    browser.execute_script("arguments[0].click()", browser.find_element("xpath", f"//main//button[.='{text}']"))


def downloaded(browser, downloads, text, name):
    """Presses a button and returns the path of the file that it downloads."""
    path = downloads / name
    path.unlink(missing_ok=True)
    press(browser, text)
    until(path.exists, name)
    return path


# === The tabs ===


@pytest.mark.slow
def test_a_seed_is_an_image_and_python_draws_it_too(browser, site, downloads):
    first = opened(browser, site, "draw")
    set_value(browser, "Seed", 7)
    seventh = changed(browser, "draw", first)
    latents = json.loads(downloaded(browser, downloads, "Download its latents", f"{PRESETS[0]}-7.json").read_text())
    png = np.array(Image.open(downloaded(browser, downloads, "Download the image", f"{PRESETS[0]}-7.png")).convert("L"))
    drawn = zoo.load(latents["preset"]).generate(1, latents=np.array(latents["latents"], "float32"))[0, ..., 0]
    for shown in (seventh[..., 0], png):
        assert np.abs(shown.astype(int) - drawn).max() <= 2
    set_value(browser, "Seed", 1)
    np.testing.assert_array_equal(changed(browser, "draw", seventh), first)
    set_value(browser, "Number 1", 3, "input")
    moved = changed(browser, "draw", first)
    set_value(browser, "How far", 1, "input")
    np.testing.assert_array_equal(changed(browser, "draw", moved).shape, first.shape)


@pytest.mark.slow
def test_faces_are_edited_and_python_draws_them_too(browser, site, downloads):
    before = opened(browser, site, "faces")
    set_value(browser, "Glasses", 1, "input")
    after = changed(browser, "faces", before)
    found = json.loads(downloaded(browser, downloads, "Download its latents", f"{PRESETS[1]}-edited.json").read_text())
    drawn = zoo.load(found["preset"]).decode(np.array(found["latents"], "float32"))[0]
    assert np.abs(after.astype(int) - drawn).max() <= 2


@pytest.mark.slow
@pytest.mark.parametrize(("tab", "name"), [("draw", "flow"), ("words", "flow_of_words")])
def test_the_images_of_flows_are_those_that_python_draws(browser, site, downloads, tab, name):
    before = opened(browser, site, tab, name)
    set_value(browser, "Seed", 7)
    shown = changed(browser, tab, before)
    found = json.loads(downloaded(browser, downloads, "Download its latents", f"{name}-7.json").read_text())
    given = {"prompts": found["prompts"]} if tab == "words" else {"labels": found["labels"]}
    model = tiny_models()[name]
    drawn = model.generate(latents=np.array(found["latents"], "float32"), **given)
    height, width, _ = model.image_shape
    assert np.abs(shown[:height, :width].astype(int) - drawn[0]).max() <= 2


CHANGES = {
    "styles": lambda browser: set_value(browser, "First seed of the rows", 5),
    "words": lambda browser: set_value(browser, "Seed", 2),
    "sketch": lambda browser: press(browser, "Clear"),
    "emoji": lambda browser: set_value(browser, "Sign", "A", "input"),
    "pixels": lambda browser: set_value(browser, "Seed", 2),
    "codes": lambda browser: press(browser, "A new image"),
}


@pytest.mark.slow
@pytest.mark.parametrize("tab", CHANGES)
def test_each_tab_draws_and_draws_something_else_when_asked(browser, site, tab):
    before = opened(browser, site, tab)
    CHANGES[tab](browser)
    assert changed(browser, tab, before).shape == before.shape


@pytest.mark.slow
def test_a_photograph_is_enlarged_in_parts_that_fit_together(browser, site, tmp_path):
    opened(browser, site, "enlarge")
    photograph = images(1, (60, 70, 3), seed=3)[0]
    Image.fromarray(photograph).save(tmp_path / "photograph.png")
    control(browser, "A photograph").send_keys(str(tmp_path / "photograph.png"))
    until(lambda: status(browser).text == "The photograph now has 280 x 240 pixels.", "the enlarged photograph")
    shown = pixels(browser, "enlarge")
    assert shown.shape == (240, 280, 3)


@pytest.mark.slow
def test_codes_are_painted(browser, site):
    before = opened(browser, site, "codes")
    grid = browser.find_element("css selector", "canvas.paper")
    browser.execute_script("arguments[0].focus()", grid)
    palette = browser.find_elements("css selector", ".codes button")
    browser.execute_script("arguments[0].click()", palette[-1])
    for keys in (" ", "\ue014", " ", "\ue015", " "):
        grid.send_keys(keys)
    changed(browser, "codes", before)


@pytest.mark.slow
def test_words_that_the_model_does_not_know_are_named(browser, site):
    opened(browser, site, "words")
    set_value(browser, "Description", "a purple woman", "input")
    until(lambda: "Not known: purple." in browser.find_element("css selector", ".hint").text, "the unknown word")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tab", "label"),
    [("enlarge", "A photograph"), ("faces", "A picture of an avatar"), ("sketch", "A line drawing of your own")],
)
def test_a_broken_upload_ends_in_one_sentence(browser, site, tab, label, tmp_path):
    opened(browser, site, tab)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    control(browser, label).send_keys(str(tmp_path / "broken.png"))
    said = "broken.png is no picture that this browser can read."
    until(lambda: status(browser).text == said, "the sentence")


# === The page ===


@pytest.mark.slow
def test_tabs_and_controls_work_with_keyboard_and_screen_reader(browser, site):
    opened(browser, site, "draw")
    tabs = browser.find_elements("css selector", "[role=tab]")
    assert len(tabs) == len(TABS)
    for tab in TABS:
        before = browser.switch_to.active_element
        if tab == "draw":
            browser.execute_script("arguments[0].focus()", tabs[0])
        else:
            before.send_keys("\ue014")
        active = browser.switch_to.active_element
        assert active.get_attribute("id") == f"tab-{tab}" and active.get_attribute("aria-selected") == "true"
        until(lambda tab=tab: pixels(browser, tab) is not None, f"a picture of {tab}")
        for element in browser.find_elements("css selector", "main :is(button, input, select, textarea, canvas)"):
            assert element.accessible_name or element.get_attribute("aria-hidden"), element.get_attribute("outerHTML")


@pytest.mark.slow
def test_the_page_fits_a_phone(browser, site):
    browser.set_window_size(500, 900)
    try:
        for tab in TABS:
            browser.get("about:blank")
            browser.get(f"{site}#{tab}/{TABS[tab]}")
            until(lambda tab=tab: pixels(browser, tab) is not None, f"a picture of {tab}")
            too_wide = "const {scrollWidth, clientWidth} = document.scrollingElement; return scrollWidth - clientWidth"
            assert browser.execute_script(too_wide) <= 0, tab
    finally:
        browser.set_window_size(1200, 1000)


@pytest.mark.slow
def test_the_page_works_without_a_network_once_it_was_loaded(tmp_path, downloads, site):
    with new_browser(tmp_path / "profile", downloads) as browser:
        before = opened(browser, site, "draw")
        browser.execute_cdp_cmd("Network.enable", {})
        browser.execute_cdp_cmd(
            "Network.emulateNetworkConditions",
            {"offline": True, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1},
        )
        np.testing.assert_array_equal(opened(browser, site, "draw"), before)


def test_our_own_scripts_are_small():
    assert sum(path.stat().st_size for path in PAGE.rglob("*.js")) <= 60_000


# === Building ===


@pytest.mark.slow
def test_zoo_play_writes_a_page_for_models_of_ones_own(tmp_path):
    check_runtime()
    tiny_gan().save_to_preset(tmp_path / "mine")
    assert run_here("play", "mine/", "dcgan_fashion_mnist_28", "-o", "page", cwd=tmp_path).returncode == 0
    assert [model["name"] for model in json.loads((tmp_path / "page/models/index.json").read_text())] == [
        "mine",
        "dcgan_fashion_mnist_28",
    ]
    assert "expected models of different names" in fail(
        "play", "mine/", "./mine", "-o", "page", by=run_here, cwd=tmp_path
    )


def test_what_cannot_be_built_is_refused(tmp_path):
    with pytest.raises(InputError, match="models is empty"):
        playground.build(tmp_path / "new", {})
    (tmp_path / "letters.txt").write_text("mine")
    with pytest.raises(InputError, match="which holds something else"):
        playground.build(tmp_path, {"mine": None})
    (tmp_path / RUNTIME.file).write_bytes(b"another package")
    with pytest.raises(DataError, match="expected 33106585 bytes"):
        playground.build(tmp_path / "new", {"mine": None}, runtime=tmp_path)
