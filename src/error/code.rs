//! Every `code` a client can be given, with its status and its words.

use rocket::http::Status;

macro_rules! codes {
    ($($name:ident $code:literal $status:ident $en:literal $fr:literal),* $(,)?) => {
        /// A reason for refusing a request: stable, kebab-case. Clients branch on it, never on the words.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code { $($name),* }

        impl Code {
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            pub fn status(self) -> Status {
                match self { $(Self::$name => Status::$status),* }
            }

            /// English and French.
            pub fn detail(self) -> (&'static str, &'static str) {
                match self { $(Self::$name => ($en, $fr)),* }
            }
        }
    };
}

codes! {
    MalformedJson "malformed-json" BadRequest
        "The body is not JSON." "Le corps n'est pas du JSON.",
    BodyTimeout "body-timeout" BadRequest
        "The body did not arrive in time." "Le corps n'est pas arrivé à temps.",
    InvalidParameter "invalid-parameter" BadRequest
        "A query parameter is not acceptable." "Un paramètre de l'URL n'est pas acceptable.",
    InvalidCursor "invalid-cursor" BadRequest
        "This is not a cursor of this service." "Ce n'est pas un curseur de ce service.",
    TokenInUrl "token-in-url" BadRequest
        "A token must not stand in a URL. Send it in the Authorization header, or buy a stream ticket."
        "Un jeton ne doit pas figurer dans une URL. Envoyez-le dans l'en-tête Authorization, ou prenez un ticket de flux.",
    TokensDiffer "tokens-differ" BadRequest
        "The header and the cookie name different people." "L'en-tête et le cookie désignent deux personnes différentes.",
    BadRequest "bad-request" BadRequest
        "The request is malformed." "La requête est mal formée.",
    TokenMissing "token-missing" Unauthorized
        "A token is needed: Authorization: Bearer …" "Un jeton est nécessaire : Authorization: Bearer …",
    TokenInvalid "token-invalid" Unauthorized
        "The token is not valid." "Le jeton n'est pas valide.",
    TokenExpired "token-expired" Unauthorized
        "The token has expired." "Le jeton a expiré.",
    TicketInvalid "ticket-invalid" Unauthorized
        "The stream ticket is unknown or has expired." "Le ticket de flux est inconnu ou a expiré.",
    CrossSite "cross-site" Forbidden
        "Browsers need an allowed Origin (see origins in Rocket.toml); with a cookie, a change also needs X-Requested-With."
        "Un navigateur doit avoir une origine autorisée (voir origins dans Rocket.toml) ; avec un cookie, une modification exige aussi X-Requested-With.",
    ServiceOnly "service-only" Forbidden
        "Only the host site's backend may do this." "Réservé au serveur du site hôte.",
    Forbidden "forbidden" Forbidden
        "This is not allowed." "Ceci n'est pas autorisé.",
    NotFound "not-found" NotFound
        "There is no such thing, or you may not see it." "Cela n'existe pas, ou vous n'y avez pas accès.",
    RouteUnknown "route-unknown" NotFound
        "There is no such address here. See /docs." "Cette adresse n'existe pas ici. Voir /docs.",
    MethodNotAllowed "method-not-allowed" NotFound
        "This address does not take this method. See /docs." "Cette adresse n'accepte pas cette méthode. Voir /docs.",
    IdempotencyMismatch "idempotency-mismatch" Conflict
        "This key was used for another content." "Cette clé a déjà servi pour un autre contenu.",
    KeyTaken "key-taken" Conflict
        "A conversation you are no member of has this key." "Une conversation dont vous n'êtes pas membre a cette clé.",
    ConversationClosed "conversation-closed" Conflict
        "The conversation is closed." "La conversation est close.",
    LastAdmin "last-admin" Conflict
        "The last administrator of a group names another one first."
        "Le dernier administrateur d'un groupe en nomme d'abord un autre.",
    NotAGroup "not-a-group" Conflict
        "A conversation of two has its two people. Delete it for yourself, or make a group."
        "Une conversation à deux a ses deux personnes. Supprimez-la pour vous, ou créez un groupe.",
    EmailOff "email-off" Conflict
        "E-mail is off here: smtp_url of [default.causerie.mail] (CAUSERIE_SMTP_URL) is not set."
        "L'envoi de courriels est désactivé ici : smtp_url de [default.causerie.mail] (CAUSERIE_SMTP_URL) n'est pas renseigné.",
    MessageDeleted "message-deleted" Conflict
        "The message is deleted." "Le message est supprimé.",
    ScheduleCancelled "schedule-cancelled" Conflict
        "The message that was scheduled under this key has been cancelled."
        "Le message programmé sous cette clé a été annulé.",
    JobStarted "job-started" Conflict
        "It is being done already, or is over." "L'opération est déjà en cours, ou terminée.",
    JobNotEnded "job-not-ended" Conflict
        "Only a job that is dead or cancelled, and still knows what it is about, can be tried again."
        "Seule une tâche abandonnée ou annulée, dont le contenu existe encore, peut être relancée.",
    CursorExpired "cursor-expired" Gone
        "This cursor is of another log, too old, or too new. Start again from GET /v1/sync."
        "Ce curseur vient d'un autre journal, est trop ancien ou trop récent. Repartez de GET /v1/sync.",
    BodyTooLarge "body-too-large" PayloadTooLarge
        "The body is too large." "Le corps est trop volumineux.",
    UnsupportedMediaType "unsupported-media-type" UnsupportedMediaType
        "The body must be application/json." "Le corps doit être en application/json.",
    InvalidBody "invalid-body" UnprocessableEntity
        "Some fields are not acceptable." "Certains champs ne sont pas acceptables.",
    UserUnknown "user-unknown" UnprocessableEntity
        "Some of these people are not known here." "Certaines de ces personnes sont inconnues ici.",
    TooManyScheduled "too-many-scheduled" UnprocessableEntity
        "A hundred messages of this user wait to be sent already." "Cet utilisateur a déjà cent messages programmés.",
    TooManyStreams "too-many-streams" TooManyRequests
        "Too many streams are open for this user." "Trop de flux sont ouverts pour cet utilisateur.",
    TooManyWaits "too-many-waits" TooManyRequests
        "Too many polls are waiting for this user." "Trop d'attentes sont en cours pour cet utilisateur.",
    TooManySends "too-many-sends" TooManyRequests
        "Too much is being sent by this user." "Cet utilisateur envoie trop de messages à la fois.",
    TooManyConversations "too-many-conversations" TooManyRequests
        "This user opens too many conversations." "Cet utilisateur ouvre trop de conversations.",
    TooManyRefusedTokens "too-many-refused-tokens" TooManyRequests
        "Too many tokens from this address did not hold." "Trop de jetons venus de cette adresse n'étaient pas valables.",
    InstanceFull "instance-full" ServiceUnavailable
        "Too many streams are open here. Try again soon, or poll." "Trop de flux sont ouverts ici. Réessayez bientôt, ou sans flux.",
    Overloaded "overloaded" ServiceUnavailable
        "Too much is being written. Try again soon." "Trop d'écritures en cours. Réessayez bientôt.",
    DiagnosticsFull "diagnostics-full" ServiceUnavailable
        "The diagnostics have no room now. Try again in a minute."
        "Les diagnostics n'ont plus de place pour l'instant. Réessayez dans une minute.",
    Unavailable "unavailable" ServiceUnavailable
        "The database does not answer. Try again soon." "La base de données ne répond pas. Réessayez bientôt.",
    ShuttingDown "shutting-down" ServiceUnavailable
        "This instance is shutting down." "Cette instance s'arrête.",
    Internal "internal" InternalServerError
        "Something went wrong here. Tell us the requestId." "Une erreur s'est produite. Communiquez le requestId.",
}

impl Code {
    /// 429 and 503 say when to come back.
    pub fn asks_to_retry(self) -> bool {
        matches!(self.status().code, 429 | 503)
    }

    /// The limit that was hit, by its name in `causerie_refused_total`.
    pub fn limit(self) -> Option<&'static str> {
        Some(match self {
            Self::TooManySends => "sends",
            Self::TooManyConversations => "conversations",
            Self::TooManyScheduled => "scheduled",
            Self::TooManyRefusedTokens => "tokens",
            Self::TooManyStreams => "user_streams",
            Self::TooManyWaits => "user_waits",
            Self::InstanceFull => "streams",
            Self::Overloaded => "writes",
            Self::DiagnosticsFull => "diagnostics",
            Self::BodyTimeout => "body_time",
            Self::BodyTooLarge => "body_size",
            _ => return None,
        })
    }

    /// What Rocket itself refused, by status.
    pub fn of_status(status: Status) -> Self {
        match status.code {
            401 => Self::TokenMissing,
            403 => Self::Forbidden,
            404 => Self::RouteUnknown,
            405 => Self::MethodNotAllowed,
            413 => Self::BodyTooLarge,
            415 => Self::UnsupportedMediaType,
            422 => Self::InvalidBody,
            503 => Self::Unavailable,
            400..=499 => Self::BadRequest,
            _ => Self::Internal,
        }
    }

    /// Short, the same for every occurrence: the status in words.
    pub fn title(self) -> (&'static str, &'static str) {
        match self.status().code {
            400 => ("Bad request", "Requête incorrecte"),
            401 => ("Not authenticated", "Non authentifié"),
            403 => ("Not allowed", "Non autorisé"),
            404 => ("Not found", "Introuvable"),
            409 => ("Conflict", "Conflit"),
            410 => ("Gone", "Périmé"),
            413 => ("Too large", "Trop volumineux"),
            415 => ("Unsupported media type", "Format non accepté"),
            422 => ("Not acceptable", "Non acceptable"),
            429 => ("Too many requests", "Trop de requêtes"),
            503 => ("Unavailable", "Indisponible"),
            _ => ("Internal error", "Erreur interne"),
        }
    }
}
