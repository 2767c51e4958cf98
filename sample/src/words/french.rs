//! French.

use super::Vocabulary;

/// French prose about software work. Nouns are feminine, and nouns and verbs begin with a consonant: the patterns say
/// `la` and `de`.
#[rustfmt::skip] // one word per line would be a page
pub(crate) const FRENCH: Vocabulary = Vocabulary {
    nouns: &[
        "requête", "valeur", "donnée", "session", "mémoire", "réponse", "clé", "tâche", "procédure", "méthode",
        "fenêtre", "colonne", "table", "migration", "règle", "façade", "référence", "copie", "série", "durée",
        "priorité", "branche", "révision", "fusion", "dépendance", "bibliothèque", "fonction", "boucle", "limite",
        "marge", "moyenne", "médiane", "mesure", "trace", "sauvegarde", "numérotation", "légende", "régression",
        "chaîne", "synthèse", "page", "ligne", "route", "vue", "liste", "barre", "police", "couleur", "commande",
        "variable", "constante", "classe", "structure", "version", "publication", "notification", "permission",
        "passerelle", "file", "tranche", "balise", "cible", "source", "signature", "propriété", "bordure",
    ],
    verbs: &[
        "vérifier", "lire", "charger", "fermer", "mettre à jour", "supprimer", "fusionner", "découper", "filtrer",
        "trier", "compter", "résoudre", "rejeter", "relancer", "planifier", "démarrer", "reprendre",
        "réinitialiser", "remplacer", "renommer", "déplacer", "copier", "convertir", "valider", "libérer",
        "réserver", "détecter", "mesurer", "comparer", "simplifier", "documenter", "confirmer", "reproduire",
        "conserver", "préparer", "tester", "modifier", "traiter", "générer", "signaler", "nettoyer", "corriger",
        "protéger", "regrouper", "séparer", "trouver", "garder", "terminer", "publier", "brancher", "calculer",
    ],
    adjectives: &[
        "nouvelle", "ancienne", "vide", "manquante", "périmée", "valide", "inactive", "partagée", "privée",
        "publique", "locale", "distante", "imbriquée", "triée", "partielle", "complète", "stable", "lente",
        "rapide", "étroite", "explicite", "implicite", "facultative", "nécessaire", "interne", "temporaire",
        "unique", "dernière", "première", "précédente", "générique", "concrète", "répétée", "sûre", "cachée",
        "bornée", "régulière", "dédiée",
    ],
    adverbs: &[
        "déjà", "toujours", "ensuite", "encore", "seulement", "rapidement", "séparément", "à nouveau", "d'abord",
        "explicitement", "après coup", "au démarrage", "par défaut", "en parallèle", "côté serveur", "à la fin",
    ],
    sentences: &[
        "Je vais %v la %n dans %p avant de %v la suite. ", "La %n %a empêche %i de %v la %n. ",
        "Il reste %d cas où la %n est %a. ", "%i doit %v la %n, sinon la %n reste %a. ",
        "C'est la %n %a qui explique l'échec à la ligne %D. ", "On peut %v la %n %r, sans toucher à la %n. ",
        "Une fois la %n %a, il suffit de %v la %n. ", "Les %D essais passent %r. ",
        "La %n n'était lue qu'à un seul endroit, %p. ",
        "J'ajoute un essai pour la %n %a, puis je %r relance le tout. ",
        "Pour l'instant la %n et la %n sont mêlées. ", "Voilà pourquoi %i finit par %v une %n %a. ",
        "À noter : la %n %h est %r %a. ",
    ],
    prompts: &[
        "peux-tu %v la %n dans %p ? ", "pourquoi la %n est-elle %a ? ", "continue. ",
        "ajoute un essai pour la %n %a. ", "garde la %n telle quelle et change seulement %i. ", "je valide. ",
        "la %n reste %a après avoir essayé de %v. ", "il faut aussi %v la %n. ",
    ],
    headings: &[
        "Résumé", "Modifications", "Pourquoi", "Vérifications", "Étapes suivantes", "Risques", "À décider",
    ],
};
