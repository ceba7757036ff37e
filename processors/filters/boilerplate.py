"""A page that is mostly its own frame: menus, navigation, notices.

    furniture             share of lines of at most 12 words, half of them or more in phrases of navigation ("sign in",
                          "all rights reserved", "next page" …; `PHRASES`, in 16 languages)
    furniture_characters  share of characters but blanks in such lines
    menus                 share of lines of at least 3 pieces of at most 3 words between bars ("Home | News | About us")
    bare                  share of lines under 70 characters that end in no punctuation of sentences
    bare_characters       share of characters but blanks in such lines

Lines are those that newlines divide, blank ones left out; texts of fewer than 5 are not judged. The two `bare` numbers
need no language; 70 characters is jusText's `length_low` (Pomikálek 2011), which takes shorter lines for context or
boilerplate. A page is dropped when furniture_characters > 0.5 or menus > 0.9; the others are off: a good short page may
have more lines of navigation than of its own, and poems, code and tables are bare as well. The thresholds are our own,
set so that no sound page of the development corpus falls.
"""

from dataclasses import dataclass
from functools import cache
from math import inf
from typing import ClassVar

import numpy as np
import pyarrow as pa

from processors.filters.characters import UNICODE, character_table
from processors.filters.classes import lower_table
from processors.filters.measure import Measures, buffers, divide
from processors.filters.rule import Rule, in_force

PHRASES = """
home, home page, homepage, start page, main page, menu, main menu, search, site map, sitemap, about, about us,
contact, contact us, contacts, help, faq, news, blog, shop, store, cart, shopping cart, view cart, add to cart,
checkout, my account, account, login, log in, logout, log out, sign in, sign up, sign out, register, subscribe,
newsletter, share, share this, tweet, facebook, twitter, instagram, youtube, linkedin, pinterest, whatsapp, rss,
print, e mail, email, next, previous, prev, back, up, top, back to top, next page, previous page, first page,
last page, table of contents, contents, index, read more, more, learn more, see all, view all, show more, load more,
skip to content, toggle navigation, navigation, close, privacy, privacy policy, terms, terms of use, terms of service,
terms and conditions, legal notice, imprint, disclaimer, cookies, cookie policy, cookie settings, accept, accept all,
copyright, all rights reserved, powered by, follow us, related posts, related articles, categories, tags, archive,
archives, comments, leave a comment, reply, careers, jobs, press, advertise, download, languages, english, startseite,
menü, suche, suchen, über uns, kontakt, hilfe, anmelden, einloggen, abmelden, registrieren, warenkorb,
in den warenkorb, impressum, datenschutz, datenschutzerklärung, agb, nutzungsbedingungen, weiter, zurück, nach oben,
zum seitenanfang, nächste seite, vorherige seite, inhaltsverzeichnis, inhalt, mehr, mehr lesen, weiterlesen, teilen,
drucken, alle rechte vorbehalten, schließen, alle akzeptieren, stellenangebote, deutsch, accueil, recherche,
rechercher, à propos, qui sommes nous, nous contacter, aide, connexion, se connecter, déconnexion, inscription,
panier, ajouter au panier, mentions légales, politique de confidentialité, conditions d utilisation, suivant,
précédent, retour, haut de page, page suivante, page précédente, table des matières, sommaire, lire la suite,
en savoir plus, partager, imprimer, tous droits réservés, fermer, tout accepter, français, inicio, buscar,
sobre nosotros, quiénes somos, contacto, contáctenos, ayuda, iniciar sesión, cerrar sesión, registrarse, carrito,
añadir al carrito, aviso legal, política de privacidad, términos de uso, condiciones de uso, siguiente, anterior,
volver, arriba, página siguiente, página anterior, índice, tabla de contenidos, leer más, ver más, compartir,
imprimir, todos los derechos reservados, cerrar, aceptar, español, início, pesquisar, sobre nós, contato, contactos,
ajuda, entrar, sair, carrinho, política de privacidade, termos de uso, próximo, próxima, voltar, leia mais,
saiba mais, compartilhar, partilhar, todos os direitos reservados, fechar, português, cerca, chi siamo, contatti,
aiuto, accedi, esci, registrati, carrello, informativa sulla privacy, note legali, successivo, precedente, indietro,
torna su, indice, leggi tutto, scopri di più, condividi, stampa, tutti i diritti riservati, chiudi, italiano, inhoud,
zoeken, over ons, contact opnemen, inloggen, uitloggen, winkelwagen, privacybeleid, volgende, vorige, terug,
lees meer, delen, alle rechten voorbehouden, sluiten, nederlands, strona główna, szukaj, o nas, pomoc, zaloguj się,
wyloguj, zarejestruj się, koszyk, polityka prywatności, regulamin, następny, następna, poprzedni, poprzednia, wstecz,
spis treści, czytaj więcej, więcej, udostępnij, drukuj, wszelkie prawa zastrzeżone, zamknij, polski, domů, hledat,
o nás, přihlásit se, odhlásit, košík, další, předchozí, zpět, obsah, číst dále, všechna práva vyhrazena, česky, hem,
sök, om oss, logga in, varukorg, nästa, föregående, tillbaka, läs mer, etusivu, haku, yhteystiedot, kirjaudu sisään,
seuraava, edellinen, takaisin, lue lisää, anasayfa, ara, hakkımızda, iletişim, giriş yap, üye ol, sepet, sonraki,
önceki, geri, devamını oku, tüm hakları saklıdır, главная, главная страница, меню, поиск, о нас, о компании, контакты,
помощь, войти, вход, выйти, регистрация, корзина, политика конфиденциальности, далее, вперед, назад, наверх,
следующая, предыдущая, содержание, оглавление, читать далее, подробнее, поделиться, печать, все права защищены,
закрыть, русский, الرئيسية, بحث, من نحن, اتصل بنا, تسجيل الدخول, التالي, السابق, المحتويات, اقرأ المزيد,
جميع الحقوق محفوظة, 首页, 主页, 搜索, 关于我们, 联系我们, 帮助, 登录, 注册, 购物车, 隐私政策, 下一页, 上一页, 下一步,
上一步, 返回, 返回顶部, 目录, 更多, 阅读更多, 分享, 版权所有, 保留所有权利, 首頁, 關於我們, 聯絡我們, 登入, 註冊,
上一頁, 下一頁, 目錄, ホーム, トップページ, 検索, お問い合わせ, ヘルプ, ログイン, ログアウト, 会員登録, カート,
プライバシーポリシー, 利用規約, 次へ, 前へ, 戻る, 目次, 続きを読む, もっと見る, 日本語, 홈, 메뉴, 검색, 로그인,
회원가입, 장바구니, 다음, 이전, 목차, 더 보기, 한국어
"""


@dataclass(frozen=True)
class Boilerplate:
    """Scores are float64, null for a text of fewer lines than `min_lines`.

    Attributes:
        max_furniture, max_furniture_characters, max_menus, max_bare, max_bare_characters: bounds of the shares.
        min_lines: shorter texts are not judged.
    """

    name: ClassVar[str] = "boilerplate"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()

    max_furniture: float = inf
    max_furniture_characters: float = 0.5
    max_menus: float = 0.9
    max_bare: float = inf
    max_bare_characters: float = inf
    min_lines: int = 5

    def number_settings(self) -> dict[str, object]:
        """What a word is, and how many lines are judged; with other phrases `version` is raised."""
        return {"unicode": UNICODE, "min_lines": self.min_lines}

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """The shares of the table."""
        from processors.filters.line_kernel import FURNITURE, scan_furniture

        texts = batch.column("text")
        made = scan_furniture(*buffers(texts), character_table(), lower_table(), *_phrases())
        counts = dict(zip(FURNITURE, made, strict=True))
        enough = counts["lines"] >= self.min_lines
        lines, characters = np.where(enough, counts["lines"], 0), np.where(enough, counts["characters"], 0)
        scores = {name: divide(counts[name], lines, texts) for name in ("furniture", "menus", "bare")}
        return scores | {n: divide(counts[n], characters, texts) for n in ("furniture_characters", "bare_characters")}

    def rules(self) -> tuple[Rule, ...]:
        """In the order of the table."""
        return in_force(
            Rule("furniture", "furniture", above=self.max_furniture),
            Rule("furniture_characters", "furniture_characters", above=self.max_furniture_characters),
            Rule("menus", "menus", above=self.max_menus),
            Rule("bare_lines", "bare", above=self.max_bare),
            Rule("bare_characters", "bare_characters", above=self.max_bare_characters),
        )


@cache
def _phrases() -> tuple[np.ndarray, int]:
    """The phrases as a set of hashes and the bits of its size."""
    from processors.filters.hashing import room
    from processors.filters.line_kernel import phrase_set

    phrases = pa.array(sorted({" ".join(phrase.split()) for phrase in PHRASES.split(",")}), pa.large_string())
    bits = int(room(len(phrases)))
    return phrase_set(*buffers(phrases), character_table(), lower_table(), bits), bits
