"""What the library says to learners, in their language."""

from string import Formatter

import polib
import pytest
import sentences
import translate
from build import languages, sources, spoken_verdicts

import mpsearch
from mpsearch import findings, language
from mpsearch.course.exercises import lesson_00, lesson_08
from mpsearch.course.exercises.exercise import Verdict
from mpsearch.findings import Finding, table
from mpsearch.language import say
from mpsearch.view import plots
from mpsearch.view.player.runners import Runner, describe

FOREIGN = [each for each in language.languages() if each != language.ENGLISH]
every_language = pytest.mark.parametrize("foreign", FOREIGN)


@pytest.fixture
def chinese():
    mpsearch.set_language("zh")
    yield
    mpsearch.set_language("en")


@pytest.fixture(scope="module")
def all_sentences():
    return sentences.sentences()


def catalogue(foreign):
    return polib.pofile(str(sentences.catalogue_path(foreign)), wrapwidth=0)


def test_english_is_the_default_and_values_are_filled_in():
    assert say("{bad} of {count} numbers", bad=2, count=3) == "2 of 3 numbers"
    assert say("a sentence that no catalogue has, with {braces}") == "a sentence that no catalogue has, with {braces}"
    assert say("") == ""


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LANGUAGE": "fr:zh_TW:en"}, "zh"),
        ({"LANG": "Chinese (Simplified)_China.936"}, "zh"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_the_system_says_which_language_its_user_wants(monkeypatch, variables, wanted):
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert language.of_the_system() == wanted


def test_what_a_script_says_is_found_and_translated(chinese):
    script = 'const a = say(scene, "▶ Play") + say(\n  said, "nobody says this") + essay(scene, "Stop");'
    assert language.SAID.findall(script) == ["▶ Play", "nobody says this"]
    assert language.said_in(script) == {"▶ Play": "▶ 播放"}
    mpsearch.set_language("en")
    assert language.said_in(script) == {}


def test_plots_players_and_names_of_tasks_speak_chinese(chinese):
    goals = mpsearch.CheetahVelocity()
    assert goals.describe_task([1.5]) == "速度 1.50"
    runner = Runner("适应后", [[0.0, 0.0], [0.3, 0.4]], goal=(0.3, 0.0))
    assert describe([runner]) == "质点，一个回合，1 步。适应后：最后离起点 0.50 m，离目标点 0.40 m。"
    assert plots.describe_training({"种子 0": ([0, 100], [1.0, 12.0])}) == (
        "训练中的平均回报。种子 0：起初 1，经过 100 环境步之后 12。"
    )


def test_columns_of_chinese_stand_below_each_other(chinese):
    first, second = table([Finding("内存", True, "x"), Finding("torch", True, "x")])
    assert findings.columns(first) == findings.columns(second)
    assert first == "通过  内存   x"


def test_an_unknown_language_is_refused_and_the_old_one_stays(chinese):
    with pytest.raises(mpsearch.errors.UsageError, match="'xx'; choose one of en, zh"):
        mpsearch.set_language("xx")
    assert say("Right") == "对了"


def test_an_exercise_speaks_chinese_from_its_verdict_to_its_hints(chinese, capsys):
    assert str(lesson_00.gains.verdict(lambda returns: None)) == (
        "还没有做：gains 没有返回值。请写出它的代码，并用 `return` 返回结果。"
    )
    lesson_00.gains.check(lambda returns: returns[:, 0].mean(-1) - returns[:, -1].mean(-1))
    lesson_00.gains.hint()
    wrong, hint = capsys.readouterr().out.splitlines()
    assert wrong == "还不对：用 2 个任务、3 个阶段、2 个回合来试，结果处处符号相反。"
    assert hint.startswith("提示 1（共 3 条）：returns[k, s, e] 是一个数。")


def test_what_is_said_of_a_mistake_is_translated(chinese, all_sentences):
    upside_down = lesson_08.bootstrap_interval.verdict(lambda runs, rng: (2.0, 1.0))
    assert str(upside_down) == "还不对：用九次运行来试，下端点高于上端点：请先返回较低的。"
    median = "it is the interval of the median; take the *mean* of each resample"
    assert all_sentences[median] == "string of lesson_08"
    assert say(median) != median


def test_a_verdict_without_a_translation_stays_english(chinese):
    assert str(Verdict("right", "nobody has translated this.")) == "对了：nobody has translated this."


def test_the_build_knows_how_a_check_begins_in_each_language():
    assert spoken_verdicts("solutions", "en") == ("Right:", "Recorded:")
    assert spoken_verdicts("learner", "zh") == ("还没有做：",)


@every_language
def test_the_catalogue_has_what_the_library_says_and_is_compiled(foreign, all_sentences):
    kept = catalogue(foreign)
    assert {entry.msgid: entry.comment for entry in kept} == all_sentences
    assert sentences.catalogue_path(foreign).with_suffix(".mo").read_bytes() == sentences.compiled(kept)


@every_language
def test_translations_agree_in_placeholders_and_numbers(foreign):
    for entry in catalogue(foreign).translated_entries():
        assert translate.disagreements(entry) == [], entry.msgid
        if "{" in entry.msgid:  # and can be filled in
            list(Formatter().parse(entry.msgstr))


@every_language
def test_what_lessons_with_a_complete_translation_say_is_translated(foreign):
    done = [source.stem[:2] for source in sources() if translate.complete(translate.read(source, foreign))]
    for entry in catalogue(foreign):
        module = entry.comment.split()[-1]
        if not module.startswith("lesson_") or module.removeprefix("lesson_")[:2] in done:
            assert entry.translated(), entry.msgid


def test_english_alone_is_built_until_there_are_notebooks_of_another_language(tmp_path):
    source = tmp_path / "source" / "00_toy.py"
    catalogue = tmp_path / "locale" / "zh" / "00_toy.po"
    for path in (source, catalogue):
        path.parent.mkdir(parents=True)
    source.write_text("# %%\nprint('a word')\n")
    catalogue.write_text('msgid ""\nmsgstr ""\n"Language: zh\\n"\n"X-Complete: yes\\n"\n', encoding="utf-8")
    assert languages(source) == ["en"]
    (tmp_path / "zh").mkdir()
    assert languages(source) == ["en", "zh"]
