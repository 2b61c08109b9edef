"""Words of everyday language that end a term candidate, and the words beside which nouns and verbs stand.

`FUNCTION_WORDS` are few enough to be refused as terms by `data/glossary/checking.py`. Mining needs more: the verbs, adverbs, adjectives and
nouns of which any text is full, whatever its field. Nouns that some trade uses as terms (order, price, case) are left out.

Written for this project, from what mining proposed wrongly in the training texts of the shipped patterns, in half of TICO-19's segments and
in the chats of WMT 2024.

Not covered: other languages than the four that are served.
"""

from __future__ import annotations

from data.glossary.words import FUNCTION_WORDS, listed

EVERYDAY = {
    "en": listed(
        "able according across actually additional again against ago almost already although always among another anyone anything",
        "appear around ask asked asking available away back bad because become becomes began begin believe best better big both bring",
        "called came certain certainly clear clearly come comes coming complete completely concerned consider considered correct could",
        "couple currently days' dear decided describe described different directly due e.g early easily easy either else enough",
        "especially etc even ever everyone everything exactly expect expected far feel few fewer find fine first five following follow",
        "follows former forward found four fully further furthermore gave general generally get gets getting give given gives giving",
        "glad go goes going gone good got great ten half happen happened happy hard hear hello helped hence hi high higher highly hope",
        "however i.e important include included includes including indeed inside instead interested keep kept kindly know known knows",
        "large larger largest last late later latest latter least leave left let like likely little long longer look looking low lower",
        "made mainly make makes making many may maybe mean means meanwhile mention mentioned million moment moreover morning much must",
        "near nearly necessary need needed needs never nevertheless new next nice nine none nothing o'clock obviously occur occurs",
        "often old once one ones onto others otherwise outside overall own particular particularly past per perhaps please possible",
        "possibly potential present previous previously probably provide provided provides put quickly quite rather re read ready",
        "really receive received recent recently regard regarding regards related remain remains reported resulted right round said say",
        "says see seem seems seen send sent several shortly show showed shown shows significant significantly similar simply since six",
        "small smaller someone something sometimes soon sorry sort started stated still stuff such sure take taken takes taking talk",
        "tell thank thanks think third those though thought thousand three thus today together told tomorrow too took toward towards",
        "tried true try trying twice two typically understand unfortunately unless unlike upon usual usually used uses using various",
        "via want wanted wants welcome well went whatever whenever wherever whether whole wide will wish within won wonder word words",
        "worked works worth wrong yesterday yet mind weekend weekends january february march april june july august september october",
        "november december monday tuesday wednesday thursday friday saturday sunday madam sir dears mr mrs ms yours sincerely",
    ),
    "de": listed(
        "abend abends anderen andere anderer anderes dank danke freundlichen freude freuen geehrte geehrter gruß grüße guten gut hallo",
        "herr heute ihnen januar jeweils mal moment montag dienstag mittwoch donnerstag freitag samstag sonntag morgen nachmittag nähe",
        "rückmeldung sekunden uhr umgang verständnis vielen weg damen herren lieber liebe neue neuen neuer neues erste ersten erster",
        "erstes letzte letzten letzter nächste nächsten nächster eigene eigenen ganze ganzen gesamte gesamten große großen großer",
        "kleine kleinen gleiche gleichen verschiedene verschiedenen mehrere mehreren einige einigen einiger viele vieler wenige wenigen",
        "weitere weiteren weiterer weiteres jede jeden jeder jedes jedem bestimmte bestimmten mögliche möglichen wichtige wichtigen",
        "beide beiden beider solche solchen besten beste genaue genauen richtige richtigen dritte dritten zweite zweiten zwei drei vier",
        "fünf sechs sieben acht neun zehn aktuelle aktuellen unseren unserem unseres ihres eures euren meinen meinem meiner meines",
        "deinen deiner seinen seinem seiner seines keinen keinem keiner keines jenen jenem welchen welchem deren dessen derselbe",
        "dieselbe dasselbe sämtliche sämtlichen geehrtes geehrten lieben liebes heutige heutigen heutiger gestrige gestrigen morgige",
        "morgigen februar märz april mai juni juli august september oktober november dezember wochenende wochenenden per unserer eurer",
        "ihrem schnelle schnellen gewünschte gewünschten entsprechende entsprechenden folgende folgenden oben unten sofern damit dafür",
        "davon dabei",
    ),
    "es": listed(
        "además ahora algo alguien alguna algunas alguno algunos antes aparte apenas aquellas aquellos así aún aunque ayer bastante",
        "bien bueno buena buenos buenas casi ciento cierta cierto claro cómo comparación cualquier cualesquier cuyo cuya cuyos cuyas da",
        "dado dan dar debe deber debido decir dejar demás demasiado dentro desea después dice diferentes distintos diversos dos durante",
        "embargo encima encontrar encuentra encuentran enseguida entonces estaban estado estamos estimado estimada estimados estimadas",
        "estoy favor fin frente fuera general generalmente gran grande grandes gracias gusto haber hacen hacer hace hola hoy igual",
        "importante incluida incluido incluso incluye incluyen inicialmente ir junto lado largo lejos listo luego llama mal maneras",
        "mayor mayores mayoría mañana medio mejor mejores menor menores mientras mismo misma mismos mismas momento mucha muchas mucho",
        "muchos nada nadie necesario necesita necesitan necesito nueva nuevas nuevo nuevos nunca ocho partir pasa pasado peor pequeña",
        "pequeño pequeños poca pocas poco pocos podemos poder podría podrían pronto posible posibles primer primera primeras primero",
        "primeros principio propia propio propios próxima próximo pudo pueda puedan queda quedan quiere quisiera quizá realmente resto",
        "sabe saber sea sean según segunda segundo seis señor señora señores ser será serán siempre siete siguiente siguientes similar",
        "sido siendo sigue sino sola solamente sólo tal tales tan tanta tanto tarde tener tenemos tengo tenía tercera tercer tres",
        "través último última últimas últimos usa usar va vamos van varias varios veces ver vez vía cinco cuatro diez todavía tenga",
        "tengan nuestro saludo saludos cordial recibir recibido enviar lunes martes miércoles jueves viernes sábado domingo quedado",
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    ),
    "zh": listed(
        "周末 什么 怎么 怎样 为什么 哪里 多少 这个 那个 这些 那些 这里 那里 自己 因为 所以 但是 如果 虽然 可以 可能 应该 没有 不是 就是",
        "还是 或者 以及 并且 已经 非常 现在 然后 谢谢 你好 您好 对于 关于 由于 通过 根据 其中 其他 一个 一些 一种 目前 今天 明天 昨天",
        "我们 你们 他们 她们 它们 不同 不能 需要 进行 能够 必须 主要 同时 因此 此外 例如 包括 具有 成为 认为 表示 出现 发现 提供 许多",
        "任何 每个 各种 一般 一样 以下 以上 之间 之后 之前 时候 十分 比较 更多 最近 直接 比如 还有 只有 仍然 甚至 作为 属于 来自 位于",
        "处于 得到 受到 导致 造成 引起 是否 有关 相关 尽快 帮忙 麻烦 想要 知道 觉得 希望 告诉 感谢 抱歉 不好意思 收到 贵司 我司 我方",
        "贵方 尊敬 先生 女士 尤其 只要 只能 才能 不会 不要 还要 还会 也会 都会 将会 应当",
    ),
}

GENERAL = {  # nouns that are parts of terms (lead time, part number) and none by themselves
    "en": listed(
        "number numbers part parts time times day days hour hours minute minutes second week weeks month months year years place places",
        "people person problem problems report reports case cases work working way ways point points change changes level levels size",
        "sizes type types kind kinds group groups country countries city cities man men woman women world example examples question",
        "questions thing things name names line lines use area areas call contact original form forms view result results reason",
        "reasons end start step steps state check help subject life home house water role effort efforts increase decrease impact",
        "effect effects evidence fact facts colleague colleagues team teams black white red green blue yellow orange brown grey gray",
        "beige pink purple navy burgundy rest colour color government governments university universities data system systems policy",
        "policies student students school schools event events service services strategy strategies platform platforms response",
        "responses family families child children community communities population populations process processes method methods",
        "approach approaches shortage shortages hundreds thousands millions total source sources activity activities technology",
        "technologies information research study studies researcher researchers scientist scientists expert experts market markets",
        "office offices president party parties parent parents citizen citizens worker workers teacher teachers public future history",
        "article articles authority authorities organization organizations organisation organisations institution institutions agency",
        "agencies company companies industry industries development society societies culture law laws rule rules decision decisions",
        "opportunity opportunities challenge challenges knowledge experience experiences interest interests attention discussion",
        "discussions idea ideas plan plans project projects program programs programme programmes trend trends average crisis measure",
        "measures condition conditions factor factors feature features support department departments member members leader leaders",
        "meeting meetings newspaper media money mind difference differences similarity similarities beginning period stage stages",
        "situation situations circumstance circumstances figure figures percent percentage majority minority couple lot mixture set",
        "sets stop stops lots bit bits",
    ),
    "de": listed(
        "zahl zahlen nummer nummern zeit zeiten tag tage tagen stunde stunden minute minuten woche wochen monat monate monaten jahr",
        "jahre jahren teil teile person personen problem probleme frage fragen fall fälle seite seiten stelle stellen punkt punkte ende",
        "anfang art arten weise beispiel beispiele grund gründe name namen land länder stadt städte mann männer frau frauen leute welt",
        "schritt schritte sache sachen ding dinge menge ziel wert hilfe kollege kollegen team teams wasser haus mitte gruppe gruppen",
        "schwarz weiß rot grün blau gelb orange braun grau beige rosa lila schwarze schwarzen weiße weißen rest farbe regierung",
        "regierungen universität universitäten daten system systeme politik student studenten schüler schule schulen ereignis",
        "ereignisse veranstaltung dienst dienste strategie strategien plattform plattformen reaktion familie familien kind kinder",
        "gemeinschaft gemeinde bevölkerung prozess prozesse methode methoden ansatz ansätze mangel hunderte tausende millionen quelle",
        "quellen aktivität aktivitäten technologie technologien information informationen forschung studie studien forscher",
        "wissenschaftler experte experten markt märkte büro büros präsident partei parteien eltern bürger arbeiter lehrer",
        "öffentlichkeit zukunft geschichte behörde behörden organisation organisationen institution institutionen agentur unternehmen",
        "firma firmen branche entwicklung gesellschaft kultur gesetz gesetze regel regeln entscheidung entscheidungen gelegenheit",
        "herausforderung wissen erfahrung erfahrungen interesse aufmerksamkeit diskussion idee ideen plan pläne projekt projekte",
        "programm programme trend durchschnitt krise maßnahme maßnahmen bedingung bedingungen faktor faktoren merkmal merkmale",
        "unterstützung abteilung mitglied mitglieder treffen zeitung medien geld unterschied unterschiede beginn zeitraum phase",
        "situation situationen umstand umstände prozent mehrheit minderheit",
    ),
    "es": listed(
        "número números parte partes tiempo tiempos día días hora horas minuto minutos semana semanas mes meses año años lugar lugares",
        "persona personas problema problemas caso casos informe manera forma formas modo punto puntos nivel niveles tipo tipos grupo",
        "grupos país países ciudad ciudades hombre hombres mujer mujeres mundo ejemplo ejemplos pregunta preguntas cosa cosas nombre",
        "nombres línea uso área áreas resultado resultados razón final vida casa agua papel esfuerzo esfuerzos aumento efecto efectos",
        "evidencia hecho hechos vista cuenta base equipo media medida negro blanco rojo verde azul amarillo naranja marrón gris beige",
        "rosa morado burdeos resto color gobierno gobiernos universidad universidades dato datos sistema sistemas política políticas",
        "estudiante estudiantes alumno alumnos escuela escuelas evento eventos servicio servicios estrategia estrategias plataforma",
        "plataformas respuesta respuestas familia familias niño niños comunidad comunidades población poblaciones proceso procesos",
        "método métodos enfoque enfoques escasez cientos miles millones total fuente fuentes actividad actividades tecnología",
        "tecnologías información investigación investigaciones estudio estudios investigador investigadores científico científicos",
        "experto expertos mercado mercados oficina oficinas presidente partido partidos padre padres ciudadano ciudadanos trabajador",
        "trabajadores maestro maestros docente docentes público futuro historia artículo autoridad autoridades organización",
        "organizaciones institución instituciones agencia agencias empresa empresas industria industrias desarrollo sociedad sociedades",
        "cultura ley leyes regla reglas decisión decisiones oportunidad oportunidades desafío desafíos conocimiento experiencia",
        "experiencias interés atención discusión idea ideas plan planes proyecto proyectos programa programas tendencia tendencias",
        "promedio crisis medidas condición condiciones factor factores característica características apoyo departamento miembro",
        "miembros líder líderes reunión reuniones periódico medios dinero diferencia diferencias similitud comienzo período etapa",
        "etapas situación situaciones circunstancia circunstancias porcentaje mayoría minoría fuerza fuerzas espera esperas principal",
    ),
    "zh": listed(
        "时间 问题 情况 方面 部分 方式 数量 国家 城市 地区 人员 人们 男性 女性 世界 例子 名字 结果 原因 水平 类型 程度 作用 影响 开始",
        "增加 减少 证据 事实 团队 同事 黑色 白色 红色 绿色 蓝色 黄色 橙色 棕色 灰色 米色 粉色 紫色 藏青色 酒红色 颜色 政府 大学 数据",
        "系统 政策 学生 学校 活动 事件 服务 战略 策略 平台 反应 家庭 儿童 孩子 社区 人口 人群 过程 方法 短缺 总数 来源 技术 信息 研究",
        "学者 科学家 专家 市场 办公室 总统 主席 政党 家长 父母 公民 工人 工作者 教师 老师 公众 公共 未来 历史 文章 当局 机构 组织 公司",
        "企业 行业 发展 社会 文化 法律 规则 规定 决定 机会 挑战 知识 经验 兴趣 关注 讨论 想法 计划 项目 方案 趋势 平均 危机 措施 条件",
        "因素 特征 支持 部门 成员 领导人 会议 报纸 媒体 差异 相似性 阶段 时期 百分比 多数 研究人员 员工 使用 确认 安排 所有 一次 不可",
    ),
}

BREAKS = frozenset("的了是我你您他她它们这那和与或及就都也还又很把被让给吗呢吧啊嗯哦请谁哪在则且且将已未再需仅才")  # Chinese: in no term
NOT_FIRST = frozenset(  # they begin no term
    "对从到向为以于而但若如之其所者会能想说要去来好个一几两该此各某较时里等用由当按只没约件只条每"
)
NOT_LAST = frozenset(  # they end none
    "不有对从到向为以于而但若如之其所个一二两三四五六七八九十几要该此各某最更太较将使由当按只没约并还才每第做"
)

LINKS = {"en": frozenset({"of"}), "es": frozenset({"de", "del"})}  # what stands inside a term: bill of lading, carta de crédito
ARTICLES_IN_LINKS = frozenset({"la", "los", "las"})  # Spanish, behind `de`
BEFORE_NOUN = {
    "en": listed(
        "a an the this that these those my your his her its our their any each every some no of in for with by from at on about without",
        "into through between under during",
    ),
    "es": listed(
        "el la los las un una unos unas este esta estos estas ese esa esos esas mi mis tu tus su sus nuestro nuestra nuestros nuestras",
        "del al cada otro otra otros otras algún alguna algunos algunas de con sin en por para",
    ),
}
BEFORE_VERB = {
    "en": listed(
        "i you we they he she it who can could may might must shall should will would to not do does did don't didn't doesn't can't",
        "cannot please",
    ),
    "es": listed("yo tú usted ustedes nosotros ellos ellas se me te nos lo le les no que quien quienes"),
}


def stop_words(language: str) -> frozenset[str]:
    """The words at which no candidate of a language begins or ends; empty for a language that is not known."""
    return FUNCTION_WORDS.get(language, frozenset()) | EVERYDAY.get(language, frozenset())


def general_words(language: str) -> frozenset[str]:
    """The nouns of a language that are no candidates by themselves."""
    return GENERAL.get(language, frozenset())
