"""Words that are no terms: as the source of a term they would match in nearly every message.

Articles, pronouns, prepositions, conjunctions, auxiliaries and the like, and in Chinese the characters that are as frequent; written for
this project. Nouns and full verbs are left out on purpose, however frequent: `price` or `Preis` may well be a term.

Not covered: other languages than the four that are served.
"""

from __future__ import annotations


def listed(*lines: str) -> frozenset[str]:
    """The words of lines, separated by spaces."""
    return frozenset(" ".join(lines).split())


FUNCTION_WORDS = {
    "en": listed(
        "a an the this that these those i you he she it we they me him her us them my your his its our their mine yours who",
        "whom whose which what when where why how and or but nor so yet if than then because while although as at by for from",
        "in into of off on onto out over to up with without about after before between during under until through am is are was",
        "were be been being do does did done have has had can could may might must shall should will would not no yes all any",
        "each every some such only own same too very just also here there now more most other please ok",
    ),
    "de": listed(
        "der die das den dem des ein eine einen einem einer eines dieser diese dieses diesen diesem jener jene jenes ich du er",
        "sie es wir ihr mich dich ihn uns euch mir dir ihm ihnen mein meine dein deine sein seine unser unsere euer eure ihre",
        "ihren ihrem ihrer wer wen wem was wann wo warum wie welche welcher welches und oder aber denn sondern wenn weil dass",
        "ob als an am auf aus bei beim bis durch für gegen hinter im in ins mit nach neben ohne über um unter von vom vor zu",
        "zum zur zwischen bin bist ist sind seid war waren gewesen wird werden wurde wurden worden habe hast hat haben hatte",
        "hatten kann können konnte muss müssen soll sollen will wollen darf dürfen nicht kein keine ja nein auch nur noch schon",
        "sehr so da dort hier hin her alle alles man sich bitte doch mal",
    ),
    "es": listed(
        "el la lo los las un una unos unas este esta esto estos estas ese esa eso esos esas aquel aquella yo tú usted él ella",
        "nosotros ustedes ellos ellas me te se nos os le les mi mis tu tus su sus nuestro nuestra nuestros nuestras quien quién",
        "que qué cual cuál cuando cuándo donde dónde como cómo por porque y e o u pero sino ni si a al ante bajo con contra de",
        "del desde en entre hacia hasta para según sin sobre tras soy es son somos era eran fue fueron ser sido está están",
        "estar estaba ha han haber había hay tiene tienen puede pueden debe deben no sí ya muy más menos también tampoco solo",
        "sólo aquí ahí allí todo toda todos todas otro otra cada",
    ),
    "zh": listed(
        "的 了 是 在 不 有 我 你 您 他 她 它 们 这 那 和 与 或 及 就 都 也 还 又 很 太 更 最 把 被 让 给",
        "对 从 到 向 为 以 于 而 但 若 如 之 其 所 者 吗 呢 吧 啊 嗯 哦 个 一 二 两 三 上 下 中 大 小 多",
        "少 好 来 去 要 会 能 可 想 说 看 请 谁 哪 几 什么 怎么 怎样 为什么 哪里 多少 这个 那个 这些 那些 这里",
        "那里 我们 你们 他们 她们 它们 自己 因为 所以 但是 如果 虽然 可以 可能 应该 没有 不是 就是 还是 或者 以及",
        "并且 已经 非常 现在 然后 谢谢 你好 您好",
    ),
}
